import assert from "node:assert/strict";
import { test } from "node:test";

import { NoAnswerError, ProblemError, StillPendingError, Tallystick, TransactionFailedError, UnexpectedAnswerError } from "../src/index.js";

type Handler = (request: Request) => Response | Promise<Response>;

/** A service that answers with one handler after the other; what it was asked is in `asked`. */
function service(...handlers: Handler[]) {
  const asked: { method: string; url: string; key: string | null; body: string }[] = [];
  const slept: number[] = [];
  const ts = new Tallystick({
    apiKey: "tsk_test_x",
    baseUrl: "http://pay.example/",
    sleep: async (ms) => void slept.push(ms),
    fetch: async (request) => {
      asked.push({
        method: request.method,
        url: request.url,
        key: request.headers.get("idempotency-key"),
        body: await request.clone().text(),
      });
      assert.equal(request.headers.get("authorization"), "Bearer tsk_test_x");
      assert.equal(request.headers.get("tallystick-version"), "2026-12-01");
      const handler = handlers.shift();
      assert.ok(handler, "a request too many");
      return handler(request);
    },
  });
  return { ts, asked, slept };
}

const json = (body: object, status = 200): Handler => () => Response.json(body, { status });
const problem = (status: number, code: string, headers: Record<string, string> = {}): Handler => () =>
  new Response(JSON.stringify({ status, code, detail: "Not now.", request_id: "r-1", largest_amount: "1.000000" }), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
const lost: Handler = () => {
  throw new TypeError("fetch failed", { cause: new Error("socket hang up") });
};
const proxy: Handler = () => new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "content-type": "text/html" } });
const charge = (status: string) => ({ object: "charge", id: "01X", status, status_code: "Success", amount: "0.250000" });
const BODY = { authorization: "PC1", amount: "0.25" };

test("a lost answer is asked for again under the same key", async () => {
  const { ts, asked, slept } = service(lost, proxy, json(charge("succeeded"), 201));
  const done = await ts.post("/v1/charges", BODY);
  assert.equal(done.amount, "0.250000");
  assert.equal(asked.length, 3);
  assert.equal(new Set(asked.map((one) => one.key)).size, 1);
  assert.ok(asked[0]!.key);
  assert.ok(asked.every((one) => one.body === JSON.stringify(BODY)));
  assert.ok(slept[0]! >= 125 && slept[0]! <= 250 && slept[1]! >= 250 && slept[1]! <= 500);
});

test("a key of one's own is used, and told where no answer comes at all", async () => {
  const { ts, asked } = service(lost, lost, lost, lost, lost);
  await assert.rejects(ts.post("/v1/charges", BODY, { idempotencyKey: "job-17" }), (error: unknown) => {
    assert.ok(error instanceof NoAnswerError);
    assert.equal(error.idempotencyKey, "job-17");
    assert.match(error.message, /socket hang up.*job-17/);
    return true;
  });
  assert.deepEqual(new Set(asked.map((one) => one.key)), new Set(["job-17"]));
  assert.equal(asked.length, 5);
});

test("what has no key is not done twice", async () => {
  for (const fault of [lost, proxy]) {
    const { ts, asked } = service(fault);
    await assert.rejects(ts.post("/v1/sandbox/clock", { by: "3 Days" }), NoAnswerError);
    assert.deepEqual(asked.map((one) => one.key), [null]);
  }
});

test("a batch, whose charges have keys of their own, is asked for again", async () => {
  const { ts, asked } = service(lost, json({ object: "batch", succeeded: 1, refused: 0, results: [] }));
  await ts.post("/v1/charges/batch", { charges: [{ idempotency_key: "job-17", ...BODY }] });
  assert.equal(asked.length, 2);
  assert.equal(asked[0]!.body, asked[1]!.body);
});

test("the service says when to come again", async () => {
  const { ts, slept } = service(
    problem(429, "too_many_requests", { "retry-after": "7" }),
    problem(503, "concurrent_modification"),
    json(charge("succeeded"), 201),
  );
  await ts.post("/v1/charges", BODY);
  assert.equal(slept[0], 7000);
  assert.ok(slept[1]! >= 250 && slept[1]! <= 500);
  const hour = service(problem(429, "too_many_requests", { "retry-after": "3600" }));
  await assert.rejects(hour.ts.get("/v1/account"), ProblemError);
});

test("a refusal is the last word", async () => {
  const { ts, asked } = service(problem(402, "insufficient_balance"));
  await assert.rejects(ts.post("/v1/charges", BODY), (error: unknown) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.code, "insufficient_balance");
    assert.equal(error.status, 402);
    assert.equal(error.problem.largest_amount, "1.000000");
    assert.equal(error.idempotencyKey, asked[0]!.key);
    assert.equal(error.name, "ProblemError");
    return true;
  });
});

test("answers of others are no answers", async () => {
  const html: Handler = () => new Response("<h1>Welcome to our hotel</h1>");
  const elsewhere: Handler = () => new Response(null, { status: 302, headers: { location: "https://elsewhere.example/" } });
  for (const handler of [html, elsewhere]) {
    await assert.rejects(service(handler).ts.get("/v1/account"), UnexpectedAnswerError);
  }
});

test("lists are read to their end", async () => {
  const page = (ids: string[], next: string | null) => json({ object: "list", data: ids.map((id) => ({ id })), next_cursor: next });
  const { ts, asked } = service(page(["c", "b"], "b"), page(["a"], null));
  const found = [];
  for await (const one of ts.list("/v1/charges", { limit: 2, status: "succeeded" })) found.push(one.id);
  assert.deepEqual(found, ["c", "b", "a"]);
  assert.deepEqual(asked.map((one) => one.url), [
    "http://pay.example/v1/charges?limit=2&status=succeeded",
    "http://pay.example/v1/charges?limit=2&status=succeeded&cursor=b",
  ]);
});

test("several words of a field have commas between them", async () => {
  const { ts, asked } = service(json(charge("succeeded")), json({ object: "list", data: [], next_cursor: null }));
  await ts.get("/v1/charges/{id}", "01X", { expand: ["authorization"] });
  for await (const one of ts.list("/v1/refunds", { expand: ["authorization", "refunded_transaction"] })) assert.fail(one.id);
  assert.deepEqual(asked.map((one) => one.url), [
    "http://pay.example/v1/charges/01X?expand=authorization",
    "http://pay.example/v1/refunds?expand=authorization,refunded_transaction",
  ]);
});

test("a list that belongs to something has its id in the path", async () => {
  const { ts, asked } = service(json({ object: "list", data: [], next_cursor: null }));
  for await (const one of ts.list("/v1/webhook_endpoints/{id}/deliveries", { limit: 2 }, "we_1")) assert.fail(one.event);
  assert.equal(asked[0]!.url, "http://pay.example/v1/webhook_endpoints/we_1/deliveries?limit=2");
  await assert.rejects(ts.page("/v1/webhook_endpoints/{id}/deliveries"), TypeError);
});

test("waiting ends with what it has come to", async () => {
  const { ts, asked, slept } = service(json(charge("pending")), json(charge("succeeded")));
  const done = await ts.wait(charge("pending"));
  assert.equal(done.status, "succeeded");
  assert.equal(asked[0]!.url, "http://pay.example/v1/transactions/01X");
  assert.deepEqual(slept, [50, 75]);
  await assert.rejects(service(json(charge("failed"))).ts.wait(charge("pending")), TransactionFailedError);
  await assert.rejects(service(json(charge("pending"))).ts.wait(charge("pending"), 0.04), StillPendingError);
  const auth = { object: "authorization", id: "PC1", status: "pending" };
  const agreed = service(json({ ...auth, status: "active" }));
  assert.equal((await agreed.ts.wait(auth)).status, "active");
  assert.equal(agreed.asked[0]!.url, "http://pay.example/v1/authorizations/PC1");
});

test("a file is read as bytes, and an id leads to no other path", async () => {
  const { ts, asked } = service(() => new Response("%PDF-1.7", { headers: { "content-type": "application/pdf" } }));
  assert.equal(new TextDecoder().decode(await ts.file("/v1/disputes/{id}/evidence", "01X")), "%PDF-1.7");
  assert.equal(asked[0]!.url, "http://pay.example/v1/disputes/01X/evidence");
  for (const wrong of ["", "..", "a/../b", "a?b"]) await assert.rejects(ts.get("/v1/charges/{id}", wrong), TypeError);
  await assert.rejects(ts.post("/v1/charges/{id}/refund", {}), TypeError);
});

test("a client that cannot work is refused at once", () => {
  assert.throws(() => new Tallystick({ apiKey: "", baseUrl: "http://pay.example" }), TypeError);
  assert.throws(() => new Tallystick({ apiKey: "tsk test", baseUrl: "http://pay.example" }), TypeError);
  assert.throws(() => new Tallystick({ apiKey: "tsk_test_x", baseUrl: "ftp://pay.example" }), TypeError);
  assert.throws(() => new Tallystick({ apiKey: "tsk_test_x", baseUrl: "pay.example" }), TypeError);
});
