"""The layout of a fingerprint: which of its words hold what."""

NUM_FRAMES = 8
FINE_SIDE, MEDIUM_SIDE, COARSE_SIDE = 64, 16, 8
PICTURE_STEP, COVERAGE_STEP, MOTION_STEP, CHROMA_STEP, DETAIL_STEP = 255 / 31, 255 / 15, 4.0, 12.0, 2.5

FACTS = slice(0, 1)
ON_WHITE = slice(1, 9)
ON_BLACK = slice(9, 17)
WHOLE = slice(17, 25)
PICTURE = slice(25, 111)
COVERAGE = slice(111, 127)
MOTION = slice(127, 131)
CHROMA = slice(131, 139)
DETAIL = slice(139, 155)
NUM_WORDS = 155
"""The layout, in words of 64 bits.

`FACTS`: bytes: luma of the background, then top, bottom, left and right of the silhouette's window, in 1/255 of the
side. `ON_WHITE`, `ON_BLACK`: the 64-bit perceptual hash of each of 8 time-normalised frames, the silhouette in its
window on white and on black. `WHOLE`: the same of the whole frames on grey; these also agree if another background is
detected in a copy. `PICTURE`: the mean of the frames in the silhouette's window, on grey if the background is
transparent, 32 x 32 grey levels of 5 bits, three to 16 bits.
`COVERAGE`: mean coverage of the silhouette, 16 x 16 of 4 bits. `MOTION`: standard deviation over the frames, 8 x 8 of
4 bits. `CHROMA`: mean blue and red difference of the silhouette, 8 x 8 each, 4 bits. `DETAIL`: details that are too
fine for `PICTURE`, such as thin letters: the root mean square of the difference between the mean frame at 64 x 64 and
at 32 x 32, 16 x 16 of 4 bits.
"""
