"""Facts measured from pixels, and the sentences made of them: colours, motion, the foreground on its ground."""
