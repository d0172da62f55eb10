import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { InvalidWebhookError, Webhook } from "../src/index.js";

const NOW = 1_614_265_330;
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = `whsec_${Buffer.from("another secret of this endpoint").toString("base64")}`;
const BODY = JSON.stringify({
  id: "evt_1",
  sequence: 17,
  type: "charge.succeeded",
  occurred_at: "2026-12-01T12:00:00.125000Z",
  data: { object: "charge", amount: "0.250000" },
});
const webhook = (...secrets: string[]) => new Webhook(secrets.length ? secrets : SECRET, () => (NOW + 3.5) * 1000);

function headers(body = BODY, secret = SECRET, moment = NOW): Record<string, string> {
  const key = Buffer.from(secret.slice(6), "base64");
  const signature = createHmac("sha256", key).update(`msg_1.${moment}.${body}`).digest("base64");
  return { "Webhook-Id": "msg_1", "Webhook-Timestamp": `${moment}`, "Webhook-Signature": `v1,${signature}` };
}

test("the published vector is genuine", async () => {
  // Of the test suites at github.com/standard-webhooks/standard-webhooks.
  const given = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": `${NOW}`,
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  assert.equal(await webhook().verified('{"test": 2432232314}', given), '{"test": 2432232314}');
});

test("a genuine event is read, from headers of Node and of fetch", async () => {
  const event = await webhook().verify(BODY, headers());
  assert.deepEqual([event.id, event.sequence, event.type, event.data["amount"]], ["evt_1", 17, "charge.succeeded", "0.250000"]);
  assert.equal((await webhook().verify(new TextEncoder().encode(BODY), new Headers(headers()))).id, "evt_1");
});

test("while one secret follows another both count", async () => {
  const both = { ...headers() };
  both["Webhook-Signature"] = `v1a,ignored ${headers(BODY, OTHER)["Webhook-Signature"]} ${both["Webhook-Signature"]}`;
  for (const known of [[SECRET], [OTHER], [SECRET, OTHER]]) {
    assert.equal((await webhook(...known).verify(BODY, both)).id, "evt_1");
  }
});

test("all others are refused", async () => {
  const cases: [Record<string, string>, string][] = [
    [headers(), BODY.replace("0.25", "0.26")],
    [headers(BODY, OTHER), BODY],
    [{ ...headers(), "Webhook-Id": "msg_2" }, BODY],
    [{ ...headers(), "Webhook-Timestamp": `${NOW + 1}` }, BODY],
    [{ ...headers(), "Webhook-Signature": "v1," }, BODY],
    [{ ...headers(), "Webhook-Signature": "v1,not base64 v2,AAAA" }, BODY],
    [headers(BODY, SECRET, NOW - 300), BODY],
    [headers(BODY, SECRET, NOW + 304), BODY],
    [{ ...headers(), "Webhook-Timestamp": "-1" }, BODY],
    [{ "Webhook-Id": "msg_1" }, BODY],
    [headers("[]"), "[]"],
    [headers("{"), "{"],
  ];
  for (const [given, body] of cases) await assert.rejects(webhook().verify(body, given), InvalidWebhookError);
});

test("a secret that is none is refused at once", () => {
  for (const wrong of ["", "whsec_", "whsec_!!!", []]) assert.throws(() => new Webhook(wrong), TypeError);
});
