"""Sessions become rectangles."""

from streams.packing import packed


def test_sessions_are_packed_to_the_right_length_padded_on_the_right():
    arrays = packed([[(1, 2)], [(item, 1) for item in range(1, 9)]], 4)
    assert arrays["items"].tolist() == [[1, 0, 0, 0], [5, 6, 7, 8]]
    assert arrays["outcomes"].tolist() == [[2, 0, 0, 0], [1, 1, 1, 1]]
    assert arrays["lengths"].tolist() == [1, 4]
