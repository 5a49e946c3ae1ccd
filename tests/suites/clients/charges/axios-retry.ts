// A shop's server charges its customers with axios and axios-retry while connections break all the
// time. Nobody may be charged twice, and nobody's charge may be lost.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import http from "node:http";
import axios from "axios";
import axiosRetry, { isNetworkError } from "axios-retry";
import type { components } from "./api.js";
import { breakingProxy } from "./breaking_proxy.js";

type Charge = components["schemas"]["Charge"];
type NewCharge = components["schemas"]["ChargeCreate"];
type Problem = components["schemas"]["Problem"];
interface Page {
  items: Charge[];
  total: number;
}

const api = new URL(process.env.API_URL!);
const proxy = await breakingProxy(api, 7);
const bearer = (key: string) => ({ Authorization: `Bearer ${process.env[key]}` });

/** Straight to the server; an answer is an answer, whatever its status. */
const direct = (key: string) =>
  axios.create({ baseURL: api.href, headers: bearer(key), validateStatus: () => true });

// axios-retry repeats what is safe to repeat. POST is none of these by itself: the key makes it so.
const shop = axios.create({
  baseURL: proxy.url + api.pathname,
  headers: bearer("API_KEY_BOOKS"),
  // A connection of its own for each try, so that each can break.
  httpAgent: new http.Agent({ keepAlive: false }),
});
axiosRetry(shop, {
  retries: 20,
  retryDelay: () => 5,
  retryCondition: (error) => isNetworkError(error) || error.response?.status === 409,
});

const charge = (customer: string): NewCharge => ({ amount: 3800, currency: "JPY", customer });

// 24 charges, four at a time, each with a key of its own that stays the same when it is sent again.
const waiting = Array.from({ length: 24 }, (_, at) => `cus_retry_${at}`);
const made = new Map<string, Charge>();
let replayed = 0;
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (let customer = waiting.pop(); customer; customer = waiting.pop()) {
      const answer = await shop.post<Charge>("/charges", charge(customer), {
        headers: { "Idempotency-Key": randomUUID() },
      });
      assert.equal(answer.status, 201);
      replayed += answer.headers["idempotency-replayed"] === "true" ? 1 : 0;
      made.set(customer, answer.data);
    }
  }),
);
proxy.close();
assert.ok(proxy.broken.before > 3 && proxy.broken.after > 3, JSON.stringify(proxy.broken));
assert.ok(replayed > 0);

// Exactly one charge for each customer, and it is the one that the shop was told about.
const books = direct("API_KEY_BOOKS");
const listed = await books.get<Page>("/charges", {
  params: { limit: 200, "customer[starts_with]": "cus_retry_", total: true },
});
assert.equal(listed.data.total, 24);
for (const one of listed.data.items) {
  assert.deepEqual(one, made.get(one.customer!));
}

// Without a key nothing is charged; with a key that was for something else neither.
const other = direct("API_KEY_FLOWERS");
const unkeyed = await other.post<Problem>("/charges", charge("cus_unkeyed"));
assert.equal(unkeyed.status, 400);
assert.equal(unkeyed.data.code, "idempotency_required");
const keyed = { headers: { "Idempotency-Key": '"order-1019"' } };
const first = await other.post<Charge>("/charges", charge("cus_1"), keyed);
assert.equal(first.status, 201);
const again = await other.post<Charge>("/charges", charge("cus_1"), keyed);
assert.deepEqual([again.status, again.data], [201, first.data]);
assert.equal(again.headers["location"], first.headers["location"]);
assert.equal(again.headers["etag"], first.headers["etag"]);
const mismatch = await other.post<Problem>("/charges", charge("cus_2"), keyed);
assert.equal(mismatch.status, 422);
assert.equal(mismatch.data.code, "idempotency_mismatch");
// Another shop's key of the same name is another key, and its charges are its own.
const theirs = await books.post<Charge>("/charges", charge("cus_2"), keyed);
assert.equal(theirs.status, 201);
assert.equal((await other.get(theirs.headers["location"]!.replace(api.pathname, ""))).status, 404);
const seen = await other.get<Page>("/charges", { params: { total: true, "customer[starts_with]": "cus_" } });
assert.ok(seen.data.items.every((one) => one.shop === "flowers"));

// A charge is paid back once, however often and with whatever key that is asked for.
const refund = (key: string) =>
  other.post("/refunds", { charge_id: first.data.id }, { headers: { "Idempotency-Key": key } });
assert.equal((await refund("refund-1")).status, 201);
assert.equal((await refund("refund-1")).headers["idempotency-replayed"], "true");
assert.equal((await refund("refund-2")).status, 409);
assert.equal((await other.get<Charge>(`/charges/${first.data.id}`)).data.refunded, true);

// 100 requests a minute for one key: the one too many is told when to come back. A bucket that
// fills up while the requests are on their way lets a few more through.
const busy = direct("API_KEY_BUSY");
const began = Date.now();
const answers = await Promise.all(Array.from({ length: 130 }, () => busy.get("/charges?limit=1")));
const refilled = Math.ceil(((Date.now() - began) / 60_000) * 100);
const good = answers.filter((answer) => answer.status === 200).length;
const refused = answers.filter((answer) => answer.status === 429);
assert.equal(good + refused.length, 130);
assert.ok(good >= 100 && good <= 100 + refilled, `${good} of 130 answered`);
for (const { headers, data } of refused) {
  assert.match(headers["content-type"], /^application\/problem\+json/);
  assert.ok(Number(headers["retry-after"]) >= 1 && Number(headers["retry-after"]) <= 60);
  assert.equal((data as Problem).code, "rate_limited");
}
for (const { headers } of answers) {
  assert.equal(headers["ratelimit-policy"], '"default";q=100;w=60');
  assert.match(headers["ratelimit"], /^"default";r=\d+;t=\d+$/);
}
// Nobody else is held up by it.
assert.equal((await other.get("/charges?limit=1")).status, 200);

console.log(
  `24 charges over ${proxy.broken.before + proxy.broken.after} broken connections: 24 booked, ` +
    `${replayed} answers replayed; ${good} of 130 requests within the limit`,
);
