"""A round trip through the bookstore with what openapi-python-client made of the document."""

import os
from urllib.parse import urlsplit

from api.api.books import batch_books, create_book, delete_book, get_book, list_books, query_books, replace_book
from api.api.operations import get_operation
from api.client import AuthenticatedClient
from api.models.book import Book
from api.models.book_batch import BookBatch
from api.models.book_batch_answer import BookBatchAnswer
from api.models.book_condition import BookCondition
from api.models.book_condition_price_type_1 import BookConditionPriceType1
from api.models.book_create import BookCreate
from api.models.book_page import BookPage
from api.models.book_query import BookQuery
from api.models.book_query_sort_item import BookQuerySortItem
from api.models.book_replace import BookReplace
from api.models.list_books_sort_item import ListBooksSortItem
from api.models.operation import Operation
from api.models.problem import Problem
from api.types import UNSET

url = urlsplit(os.environ["API_URL"])
origin = f"{url.scheme}://{url.netloc}"
shop = AuthenticatedClient(base_url=origin, token=os.environ["API_KEY"])
nobody = AuthenticatedClient(base_url=origin, token="nobody")

# Create, once however often it is sent.
body = BookCreate(title="Fluent Python", price=5400, currency="JPY")
made = create_book.sync_detailed(client=shop, body=body, idempotency_key="python-1")
again = create_book.sync_detailed(client=shop, body=body, idempotency_key="python-1")
book = made.parsed
assert made.status_code == again.status_code == 201 and isinstance(book, Book) and again.parsed == book
assert again.headers["Idempotency-Replayed"] == "true"

# Read, and read again only if it has changed.
read = get_book.sync_detailed(book.id, client=shop)
assert read.parsed == book
unchanged = get_book.sync_detailed(book.id, client=shop, if_none_match=read.headers["ETag"])
assert unchanged.status_code == 304 and unchanged.parsed is None

# A filtered, sorted list in pages, to its end and without repetition.
seen: list[int] = []
cursor = None
while True:
    page = list_books.sync(
        client=shop, limit=5, cursor=cursor or UNSET, sort=[ListBooksSortItem.PRICE], pricegte=1000
    )
    assert isinstance(page, BookPage)
    seen += [one.id for one in page.items]
    if (cursor := page.next_cursor) is None:
        break
assert len(seen) == len(set(seen)) > 10 and book.id in seen

# OR and NOT, in a body.
cheap_or_dear = [
    BookCondition(price=BookConditionPriceType1(lt=1000)),
    BookCondition(price=BookConditionPriceType1(gte=5000)),
]
found = query_books.sync(
    client=shop,
    body=BookQuery(
        where=BookCondition(or_=cheap_or_dear, not_=BookCondition(title="Emma")),
        sort=[BookQuerySortItem.PRICE],
        total=True,
    ),
)
assert isinstance(found, BookPage) and found.total == len(found.items)
assert all(one.price < 1000 or one.price >= 5000 for one in found.items)
assert found.items[-1] == book

# Change it, unless somebody was faster.
new = BookReplace(title=book.title, price=4900, currency=book.currency)
changed = replace_book.sync(book.id, client=shop, body=new, if_match=read.headers["ETag"])
assert isinstance(changed, Book) and changed.price == 4900
stale = replace_book.sync(book.id, client=shop, body=new, if_match=read.headers["ETag"])
assert isinstance(stale, Problem) and stale.code == "stale"

# Many at once, which may go on after the answer.
many = BookBatch(create=[BookCreate(title=f"Python {n}", price=n, currency="JPY") for n in (1, 2)], delete=[book.id])
begun = batch_books.sync_detailed(client=shop, body=many, prefer="respond-async")
assert begun.status_code == 202 and begun.parsed is None
while True:
    operation = get_operation.sync(begun.headers["Location"].rsplit("/")[-1], client=shop)
    assert isinstance(operation, Operation) and operation.state != "failed"
    if operation.state == "succeeded":
        break
assert operation.status == 200 and isinstance(operation.result, dict)
done = BookBatchAnswer.from_dict(operation.result)
assert done.delete == [book.id] and len(done.create) == 2

# Refusals are typed.
gone = get_book.sync(book.id, client=shop)
assert isinstance(gone, Problem) and gone.code == "not_found"
stranger = create_book.sync(client=nobody, body=body)
assert isinstance(stranger, Problem) and stranger.status == 401
invalid = create_book.sync(client=shop, body=BookCreate(title="", price=-1, currency="yen"))
assert isinstance(invalid, Problem) and isinstance(invalid.errors, list)
assert [fault.pointer for fault in invalid.errors] == ["/title", "/price", "/currency"]
for one in done.create:
    assert delete_book.sync_detailed(one.id, client=shop).status_code == 204
print("created, read, listed, queried, changed, batched, refused and deleted")
