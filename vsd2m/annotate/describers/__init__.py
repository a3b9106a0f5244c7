"""Describers: frames in, a description in words out. One file each; the registry's name is the file's name."""

DESCRIBERS: dict[str, str] = {
    "measured": "vsd2m.annotate.describers.measured:MeasuredDescriber",
    "vision": "vsd2m.annotate.describers.vision:VisionDescriber",
}
