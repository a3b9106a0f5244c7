"""The preference study: which model makes the better stickers, judged blind."""
