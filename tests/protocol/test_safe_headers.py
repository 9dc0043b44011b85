"""Every answer forbids caches to keep it and browsers to guess what it is."""

import pytest

from tests.service import Client


@pytest.mark.parametrize("kind", ["made", "found", "unchanged", "gone", "refused", "stranger"])
async def test_every_answer_has_the_safe_headers(client: Client, kind: str) -> None:
    """201, 200, 304, 204, 400 and 401: what holds people's data, and what does not."""
    user = await client.user()
    place = f"/Users/{user.id}"
    answer = {
        "made": lambda: client.post("/Users", {"userName": "safe@example.com"}),
        "found": lambda: client.get(place),
        "unchanged": lambda: client.get(place, headers={"if-none-match": user.headers["ETag"]}),
        "gone": lambda: client.delete(place),
        "refused": lambda: client.get("/Users?filter=nonsense"),
        "stranger": lambda: client.get("/Users", headers={"authorization": "Bearer nobody"}),
    }
    given = await answer[kind]()
    statuses = {"made": 201, "found": 200, "unchanged": 304, "gone": 204, "refused": 400}
    assert given.status == statuses.get(kind, 401)
    assert given.headers["Cache-Control"] == "no-store"
    assert given.headers["X-Content-Type-Options"] == "nosniff"
