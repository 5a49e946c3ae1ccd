// A round trip through the bookstore with openapi-fetch: every path, parameter, body and answer
// is typed by what openapi-typescript made of the document.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Book = components["schemas"]["Book"];
type Page = paths["/v1/books"]["get"]["responses"][200]["content"]["application/json"];

const baseUrl = new URL(process.env.API_URL!).origin;
// Lists in a query are written with commas, as the document says.
const client = { baseUrl, querySerializer: { array: { style: "form", explode: false } } } as const;
// Lists are also answered as lines and as CSV; this client speaks JSON, and its data is typed by that.
type Json = "application/json" | "application/merge-patch+json" | "application/problem+json";
const guest = createClient<paths, Json>(client);
const shop = createClient<paths, Json>({ ...client, headers: { Authorization: `Bearer ${process.env.API_KEY}` } });

/** The data of an answer that must be there. */
function good<T>(answer: { data?: T; error?: unknown; response: Response }): NonNullable<T> {
  assert.ok(answer.data != null, `${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

// Create.
const made = await shop.POST("/v1/books", {
  body: { title: "Designing Data-Intensive Applications", price: 3800, currency: "JPY" },
});
assert.equal(made.response.status, 201);
const book: Book = good(made);
assert.equal(made.response.headers.get("location"), `/v1/books/${book.id}`);
assert.equal(book.published, null);

// Read, and read again only if it has changed.
const path = { id: book.id };
const read = await guest.GET("/v1/books/{id}", { params: { path } });
assert.deepEqual(good(read), book);
const tag = read.response.headers.get("etag")!;
const again = await guest.GET("/v1/books/{id}", { params: { path, header: { "If-None-Match": tag } } });
assert.equal(again.response.status, 304);

// A filtered, sorted list in pages, to its end and without repetition.
const prices: number[] = [];
const ids = new Set<number>();
let cursor: string | null = null;
let pages = 0;
do {
  const query = {
    limit: 5,
    sort: ["-price" as const, "title" as const],
    "price[gte]": 1000,
    ...(cursor !== null && { cursor }),
  };
  const page: Page = good(await guest.GET("/v1/books", { params: { query } }));
  assert.ok(page.items.length <= 5);
  for (const one of page.items) {
    prices.push(one.price!);
    ids.add(one.id!);
  }
  cursor = page.next_cursor;
  pages += 1;
} while (cursor !== null && pages < 10);
assert.equal(cursor, null);
assert.ok(pages > 2 && prices.length > 10 && prices.every((price) => price >= 1000));
assert.deepEqual(prices, [...prices].sort((a, b) => b - a));
assert.equal(ids.size, prices.length);

// Change it, unless somebody was faster.
const change = (price: number) =>
  shop.PATCH("/v1/books/{id}", {
    params: { path, header: { "If-Match": tag } },
    body: { price },
    headers: { "Content-Type": "application/merge-patch+json" },
  });
assert.equal(good(await change(3500)).price, 3500);
const stale = await change(3000);
assert.equal(stale.response.status, 412);
assert.equal(stale.error?.code, "stale");

// Problems are typed: the code for programs, a pointer to each fault.
const invalid = await shop.POST("/v1/books", { body: { title: "", price: -1, currency: "yen" } });
assert.equal(invalid.response.status, 422);
assert.equal(invalid.error?.code, "invalid");
const pointers: (string | undefined)[] = invalid.error?.errors?.map((fault) => fault.pointer) ?? [];
assert.deepEqual(pointers, ["/title", "/price", "/currency"]);
const isbn = "9780000000019";
const dune = { title: "Dune", price: 1500, currency: "JPY", isbn };
const first = good(await shop.POST("/v1/books", { body: dune }));
const second = await shop.POST("/v1/books", { body: dune });
assert.equal(second.response.status, 409);
assert.equal(second.error?.code, "already_exists");
const refused = await guest.POST("/v1/books", { body: dune });
assert.equal(refused.response.status, 401);
assert.equal(refused.error?.code, "unauthenticated");

// Delete, and it is gone.
for (const id of [book.id, first.id]) {
  const removed = await shop.DELETE("/v1/books/{id}", { params: { path: { id } } });
  assert.equal(removed.response.status, 204);
  const gone = await guest.GET("/v1/books/{id}", { params: { path: { id } } });
  assert.equal(gone.response.status, 404);
  assert.equal(gone.error?.code, "not_found");
}
console.log("created, read, listed, changed, refused and deleted");
