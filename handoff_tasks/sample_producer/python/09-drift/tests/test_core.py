"""Records, recall and error codes."""

from sample_core import ErrorCode, recall


def test_codes_are_unique():
    assert len({code.value for code in ErrorCode}) == len(ErrorCode.__members__)


def test_every_code_has_an_error_status():
    assert all(code.status >= 400 for code in ErrorCode)


def test_recall_wants_every_word():
    assert [found.id for found in recall("usb APPROVAL")] == [1, 3]
    assert recall("usb guest") == []
    assert recall(" ") == []
