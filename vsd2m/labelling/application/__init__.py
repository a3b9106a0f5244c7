"""The local web application in which people label stickers: it knows screens and answers, not what they are for."""
