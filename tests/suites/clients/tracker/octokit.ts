// GitHub's own client, as it is, on the tracker: all that it is told is where the API lives.
import assert from "node:assert/strict";
import { Octokit } from "@octokit/rest";

const baseUrl = process.env.API_URL!;
const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: console.warn, error: quiet };
const as = (auth?: string) => new Octokit({ baseUrl, log, ...(auth && { auth }) });

const ann = as(process.env.API_KEY_ANN);
const bob = as(process.env.API_KEY_BOB);
const kettle = { owner: "ann", repo: "kettle" };

/** How a request is refused: the status and the problem. */
async function refused(request: Promise<unknown>): Promise<{ status: number; code?: string; error: any }> {
  const error: any = await request.then(
    () => assert.fail("this should be refused"),
    (error) => error,
  );
  assert.equal(error.name, "HttpError", String(error));
  return { status: error.status, code: error.response?.data?.code, error };
}

// A repository.
const repo = (await bob.rest.repos.get(kettle)).data;
assert.equal(repo.full_name, "ann/kettle");
assert.equal(repo.open_issues_count, 6);
assert.equal(repo.private, false);

// All of them: what one may not see is not there. Its client has no name for this list.
const names = async (who: Octokit) => {
  const repos = await who.paginate("GET /repos", { per_page: 2 });
  return repos.map((repo: any) => repo.full_name).sort();
};
assert.deepEqual(await names(ann), ["ann/kettle", "ann/secrets", "ann/teapot", "bob/toaster"]);
assert.deepEqual(await names(bob), ["ann/kettle", "ann/teapot", "bob/toaster"]);

// Its owner describes it.
const described = await ann.rest.repos.update({ ...kettle, description: "Boils water." });
assert.deepEqual([described.status, described.data.description], [200, "Boils water."]);
const notBobs = await refused(bob.rest.repos.update({ ...kettle, description: "Mine." }));
assert.deepEqual([notBobs.status, notBobs.code], [403, "forbidden"]);

// A page of its issues, and all of them.
const page = await bob.rest.issues.listForRepo({ ...kettle, per_page: 4 });
assert.equal(page.data.length, 4);
assert.match(page.headers.link!, /rel="next"/);
const all = await bob.paginate(bob.rest.issues.listForRepo, { ...kettle, per_page: 4 });
assert.deepEqual(
  all.map((issue) => issue.number).sort((a, b) => a - b),
  [1, 2, 3, 4, 5, 6, 7, 8, 9],
);
assert.equal(new Set(all.map((issue) => issue.id)).size, all.length);
let pages = 0;
for await (const { data } of bob.paginate.iterator(bob.rest.issues.listForRepo, { ...kettle, per_page: 2 })) {
  pages += 1;
  assert.ok(data.length <= 2);
}
assert.equal(pages, 5);

// By state.
const open = async () => {
  const issues = await bob.paginate(bob.rest.issues.listForRepo, { ...kettle, state: "open" });
  return issues.map((issue) => issue.number).sort((a, b) => a - b);
};
assert.deepEqual(await open(), [2, 3, 5, 7, 8, 9]);
const shut = (await bob.rest.issues.listForRepo({ ...kettle, state: "closed" })).data;
assert.deepEqual(
  shut.map((issue) => [issue.number, issue.state]),
  [1, 4, 6].map((number) => [number, "closed"]),
);

// Sorted, which is by the contract's own fields; page after page, too.
const sort = "-number" as "created";
const backwards = await bob.paginate(bob.rest.issues.listForRepo, { ...kettle, sort, per_page: 4 });
assert.deepEqual(
  backwards.map((issue) => issue.number),
  [9, 8, 7, 6, 5, 4, 3, 2, 1],
);

// One is opened, read, changed, closed and opened again.
const made = await bob.rest.issues.create({ ...kettle, title: "It sings", body: "At night.", labels: ["bug"] });
assert.equal(made.status, 201);
assert.equal(made.data.number, 10);
assert.deepEqual([made.data.state, made.data.labels], ["open", ["bug"]]);
assert.equal(made.headers.location, "/repos/ann/kettle/issues/10");
const ten = { ...kettle, issue_number: 10 };
const read = await ann.rest.issues.get(ten);
assert.deepEqual(read.data, made.data);
const renamed = await bob.rest.issues.update({ ...ten, title: "It sings at night", labels: ["bug", "wontfix"] });
assert.deepEqual([renamed.data.title, renamed.data.body], ["It sings at night", "At night."]);
const closed = await ann.rest.issues.update({ ...ten, state: "closed", state_reason: "not_planned" });
assert.deepEqual([closed.data.state, closed.data.state_reason], ["closed", "not_planned"]);
assert.deepEqual(await open(), [2, 3, 5, 7, 8, 9]);
const reopened = await bob.rest.issues.update({ ...ten, state: "open", state_reason: "reopened" });
assert.deepEqual([reopened.data.state, reopened.data.state_reason], ["open", "reopened"]);
assert.deepEqual(await open(), [2, 3, 5, 7, 8, 9, 10]);

// Read again only if it has changed: 304, which Octokit throws.
const etag = (await bob.rest.issues.get(ten)).headers.etag!;
const unchanged = await refused(bob.rest.issues.get({ ...ten, headers: { "if-none-match": etag } }));
assert.equal(unchanged.status, 304);

// Numbers are counted in each repository, without gaps or doubles, however many come at once.
const many = await Promise.all(
  Array.from({ length: 20 }, (_, at) => bob.rest.issues.create({ ...kettle, title: `Leak ${at}` })),
);
assert.deepEqual(
  many.map((one) => one.data.number).sort((a, b) => a - b),
  Array.from({ length: 20 }, (_, at) => 11 + at),
);
const toaster = { owner: "bob", repo: "toaster" };
assert.equal((await ann.rest.issues.create({ ...toaster, title: "Too dark" })).data.number, 1);
assert.equal((await ann.rest.issues.create({ ...toaster, title: "Too light" })).data.number, 2);

// Comments.
const said = await ann.rest.issues.createComment({ ...ten, body: "Does it sing well?" });
assert.equal(said.status, 201);
assert.equal(said.headers.location, `/repos/ann/kettle/issues/10/comments/${said.data.id}`);
const comments = await bob.paginate(bob.rest.issues.listComments, ten);
assert.deepEqual(
  comments.map((comment) => comment.body),
  ["Does it sing well?"],
);

// What is refused, and that the reason can be read.
const untitled = await refused(bob.rest.issues.create({ ...kettle, title: "" }));
assert.deepEqual([untitled.status, untitled.code], [422, "invalid"]);
assert.deepEqual(
  untitled.error.response.data.errors.map((fault: any) => fault.pointer),
  ["/title"],
);
assert.match(untitled.error.message, /^Must not be empty\./);
const unheard = await refused(bob.rest.issues.listForRepo({ ...kettle, assignee: "eve" }));
assert.deepEqual([unheard.status, unheard.code], [400, "malformed"]);
assert.match(unheard.error.message, /there is no parameter `assignee`/i);
const missing = await refused(bob.rest.issues.get({ ...kettle, issue_number: 4711 }));
assert.deepEqual([missing.status, missing.code], [404, "not_found"]);
assert.match(missing.error.message, /^There is no issue/);
const hidden = await refused(bob.rest.repos.get({ owner: "ann", repo: "secrets" }));
assert.deepEqual([hidden.status, hidden.code], [404, "not_found"]);
const inHidden = await refused(bob.rest.issues.listForRepo({ owner: "ann", repo: "secrets" }));
assert.deepEqual([inHidden.status, inHidden.code], [404, "not_found"]);
assert.equal((await ann.rest.issues.listForRepo({ owner: "ann", repo: "secrets" })).data.length, 1);
const others = await refused(bob.rest.issues.update({ ...kettle, issue_number: 3, state: "closed" }));
assert.deepEqual([others.status, others.code], [403, "forbidden"]);

// Without a token nothing; with a wrong one neither; and past the limit 429.
const wrong = await refused(as("fdk_live_nobody").rest.repos.get(kettle));
assert.deepEqual([wrong.status, wrong.code], [401, "unauthenticated"]);
const guest = as();
let tries = 0;
let last = await refused(guest.rest.issues.listForRepo(kettle));
assert.deepEqual([last.status, last.code], [401, "unauthenticated"]);
while (last.status === 401 && tries < 100) {
  tries += 1;
  last = await refused(guest.rest.issues.listForRepo(kettle));
}
assert.deepEqual([last.status, last.code], [429, "rate_limited"]);
assert.ok(tries >= 55 && tries <= 60, `${tries} requests before the limit of 60`);
assert.ok(Number(last.error.response.headers["retry-after"]) > 0);
// Whoever has a token is counted apart.
assert.equal((await bob.rest.repos.get(kettle)).status, 200);

console.log(`listed, paginated, opened, read, closed and commented; ${tries + 2} requests of guests refused`);
