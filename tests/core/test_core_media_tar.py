import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from vsd2m.core.finds.media_tar import MediaTar


@given(st.lists(st.binary(max_size=1500), max_size=8))
def test_offsets_agree_with_the_standard_library_and_the_bytes_come_back(contents) -> None:
    file = io.BytesIO()
    with MediaTar(file) as tar:
        offsets = [tar.add(f"{number:032x}.gif", data) for number, data in enumerate(contents)]
    written = file.getvalue()
    assert [written[offset : offset + len(data)] for offset, data in zip(offsets, contents, strict=True)] == contents
    with tarfile.open(fileobj=io.BytesIO(written)) as tar:
        assert [member.offset_data for member in tar.getmembers()] == offsets
