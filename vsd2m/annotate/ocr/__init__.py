"""The text in a sticker: which frames are read, by which models, and how lines become one text."""
