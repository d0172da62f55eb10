/**
 * The way of `tallystick demo --walk` in a sandbox: authorize, top up, charge, settle; each figure is compared with what it
 * must be. TALLYSTICK_URL and API_KEY say where, and as whom. Exit status 1: a figure is off.
 */

import { type BodyOf, ProblemError, Tallystick } from "../src/index.js";

const MICROS = 1_000_000n;
const SIDE_BY_SIDE = 20;

const ts = new Tallystick({
  apiKey: process.env["API_KEY"] ?? "",
  baseUrl: process.env["TALLYSTICK_URL"] ?? "",
});
let wrong = 0;

function say(line: string, right = true): void {
  console.log(`  ${right ? "ok " : "BAD"} ${line}`);
  if (!right) wrong += 1;
}

/** Micro-units of decimal text. */
function micros(text: string | null): bigint {
  const [whole = "0", places = ""] = (text ?? "0").split(".");
  const size = BigInt(whole.replace("-", "")) * MICROS + BigInt(places.padEnd(6, "0"));
  return whole.startsWith("-") ? -size : size;
}

function shown(amount: bigint): string {
  const places = (amount % MICROS).toString().padStart(6, "0").replace(/0{1,4}$/, "");
  return `${amount / MICROS}.${places}`;
}

/** Each figure is its name, what it is, and what it must be. */
function check(what: string, ...figures: [string, bigint, string][]): void {
  const told = figures.map(([name, found, due]) => {
    const sign = name === "seller's cash" ? "+" : "";
    return `${name} ${sign}${shown(found)}` + (found === micros(due) ? "" : ` (must be ${due})`);
  });
  say(`${what}: ${told.join(", ")}`, figures.every(([, found, due]) => found === micros(due)));
}

async function cash(): Promise<bigint> {
  return micros((await ts.get("/v1/account")).cash.balance);
}

async function balance(id: string): Promise<bigint> {
  return micros((await ts.get("/v1/authorizations/{id}", id)).balance);
}

async function debt(id: string): Promise<bigint> {
  return micros((await ts.get("/v1/authorizations/{id}", id)).owed);
}

async function refused(what: string, code: string, asked: Promise<unknown>): Promise<void> {
  try {
    await asked;
    say(`${what}: was not refused`, false);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    say(`${what}: refused, ${error.code}`, error.code === code);
  }
}

async function agreed(terms: BodyOf<"/v1/authorizations", "post">, method: "card" | "bank_account"): Promise<string> {
  const asked = await ts.post("/v1/authorizations", terms);
  const buyer = `walk-${crypto.randomUUID()}@buyer.example`;
  const auth = await ts.post("/v1/sandbox/authorize", { authorization: asked.id, buyer, method });
  say(`Authorization, ${terms.kind}: the buyer agreed, status ${auth.status}`, auth.status === "active");
  return auth.id;
}

async function prepaid(): Promise<void> {
  console.log("Prepaid: a balance of at most 10.00, from a card");
  const authorization = await agreed({ kind: "prepaid", limit: "10.00", return_url: "https://shop.example/walked" }, "card");
  const before = await cash();

  await ts.wait(await ts.post("/v1/top_ups", { authorization, amount: "10.00" }));
  check("Top-up of 10.00", ["seller's cash", (await cash()) - before, "9.70"], ["balance", await balance(authorization), "10.00"]);

  const charges = new Set<string>();
  for (let done = 0; done < 100; done += SIDE_BY_SIDE) {
    const some = Array.from({ length: SIDE_BY_SIDE }, () => ts.post("/v1/charges", { authorization, amount: "0.05" }));
    for (const charge of await Promise.all(some)) charges.add(charge.id);
  }
  check(
    `${charges.size} charges of 0.05`,
    ["seller's cash", (await cash()) - before, "9.70"],
    ["balance", await balance(authorization), "5.00"],
  );

  const [first = ""] = charges;
  await ts.post("/v1/charges/{id}/refund", { amount: "0.05" }, { id: first });
  check("Refund of one of them, 0.05", ["balance", await balance(authorization), "5.05"]);

  const more = ts.post("/v1/top_ups", { authorization, amount: "5.00" });
  await refused("Top-up of 5.00, past the limit", "balance_limit_exceeded", more);
  check(
    "… and nothing changed",
    ["seller's cash", (await cash()) - before, "9.70"],
    ["balance", await balance(authorization), "5.05"],
  );
}

async function postpaid(): Promise<void> {
  console.log("Postpaid: a tab of at most 100.00, settled from a bank account");
  const terms = { kind: "postpaid", limit: "100.00", total_limit: "1000.00", return_url: "https://shop.example/walked" } as const;
  const authorization = await agreed(terms, "bank_account");
  const before = await cash();

  for (const [amount, owed] of [["40.00", "40.00"], ["60.00", "100.00"]] as const) {
    await ts.post("/v1/charges", { authorization, amount });
    check(`Charge of ${amount}`, ["debt", await debt(authorization), owed]);
  }
  const more = ts.post("/v1/charges", { authorization, amount: "0.01" });
  await refused("Charge of 0.01 at the limit", "insufficient_balance", more);

  await ts.wait(await ts.post("/v1/settlements", { authorization, amount: "90.00" }));
  check("Settlement of 90.00", ["seller's cash", (await cash()) - before, "87.50"], ["debt", await debt(authorization), "10.00"]);
  await ts.post("/v1/write_offs", { authorization, amount: "10.00" });
  check("Write-off of 10.00", ["seller's cash", (await cash()) - before, "87.50"], ["debt", await debt(authorization), "0.00"]);
}

await prepaid();
await postpaid();
process.exitCode = wrong ? 1 : 0;
