"""Bounding boxes: what is accepted, and what the refusal says."""

import pytest

from api.services.positions import BadBoxError, parse_box
from contracts.live import Viewport


def test_a_box_is_west_south_east_north() -> None:
    box = parse_box(" -46.70, -23.60 ,-46.60,-23.50")
    assert box == Viewport(west=-46.7, south=-23.6, east=-46.6, north=-23.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1 values instead of 4"),
        ("1,2,3", "3 values instead of 4"),
        ("1,2,3,4,5", "5 values instead of 4"),
        ("a,2,3,4", "west is 'a'"),
        ("1,2,3,", "north is ''"),
        ("-181,0,-180,1", "west is -181.0, outside"),
        ("0,-86,1,-85", "south is -86.0, outside"),
        ("0,80,1,91", "north is 91.0, outside"),
        ("nan,0,1,1", "west is nan, outside"),
        ("0,0,inf,1", "east is inf, outside"),
        ("2,0,1,1", r"west \(2.0\) must be less than east"),
        ("0,1,1,1", r"south \(1.0\) must be less than north"),
        ("0,0,11,1", "west to east spans more than 10"),
        ("0,0,1,11", "south to north spans more than 10"),
    ],
)
def test_a_box_that_cannot_be_searched_says_why(text: str, said: str) -> None:
    with pytest.raises(BadBoxError, match=said):
        parse_box(text)
