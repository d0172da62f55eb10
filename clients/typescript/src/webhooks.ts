/** Webhooks: whether one is genuine, and what it tells. Source: Standard Webhooks, standardwebhooks.com, 1.0. */

import { InvalidWebhookError } from "./errors.js";

/** How old a webhook may be, and how far ahead the sender's clock: older ones may be a thief's second sending. */
export const TOLERANCE_SECONDS = 300;

/** What happened. The same event may come twice, with the same `id`: do its work once. */
export interface WebhookEvent {
  id: string;
  type: string;
  occurred_at: string;
  /** Its number among the seller's events, without gaps; null: the endpoint is tried. */
  sequence: number | null;
  /** The object, as /v1 has it. */
  data: Record<string, unknown>;
}

type Headers = Record<string, string | string[] | undefined> | { get(name: string): string | null };

/** Verifies what an endpoint gets. `secrets`: of the endpoint, `whsec_…`; several while one follows another. */
export class Webhook {
  readonly #secrets: Uint8Array<ArrayBuffer>[];
  readonly #now: () => number;

  /** `now`: milliseconds since 1970, for tests. Throws TypeError: no secret of an endpoint. */
  constructor(secrets: string | string[], now: () => number = Date.now) {
    this.#secrets = [secrets].flat().map(keyOf);
    if (this.#secrets.length === 0) throw new TypeError("a webhook needs the secret of its endpoint");
    this.#now = now;
  }

  /**
   * The event of a webhook. `body`: as it came, byte for byte. `headers`: of Node, or of fetch.
   * Rejects with InvalidWebhookError: it is not genuine, or older than five minutes.
   */
  async verify(body: string | Uint8Array, headers: Headers): Promise<WebhookEvent> {
    const content = await this.verified(body, headers);
    let event: unknown;
    try {
      event = JSON.parse(content);
    } catch {
      throw new InvalidWebhookError("the body is no JSON");
    }
    if (!isEvent(event)) throw new InvalidWebhookError("the body is no event");
    return event;
  }

  /** The body, once it is proven. Rejects with InvalidWebhookError. */
  async verified(body: string | Uint8Array, headers: Headers): Promise<string> {
    const [id, moment, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => {
      const value = valueOf(headers, name);
      if (!value) throw new InvalidWebhookError(`the header ${name} is missing`);
      return value;
    }) as [string, string, string];
    if (!/^[0-9]{1,12}$/.test(moment)) throw new InvalidWebhookError("webhook-timestamp is no number of seconds");
    if (Math.abs(this.#now() / 1000 - Number(moment)) > TOLERANCE_SECONDS) {
      throw new InvalidWebhookError("the webhook is older than five minutes, or a clock is wrong");
    }
    const content = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const signed = new Uint8Array([...new TextEncoder().encode(`${id}.${moment}.`), ...content]);
    const given = signatures.split(/\s+/).map(signatureOf);
    let matches = false;
    for (const secret of this.#secrets) {
      const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
      for (const one of given) {
        if (await crypto.subtle.verify("HMAC", key, one, signed)) matches = true;
      }
    }
    if (!matches) throw new InvalidWebhookError("no signature matches: another secret, or another body than was sent");
    return new TextDecoder().decode(content);
  }
}

function isEvent(event: unknown): event is WebhookEvent {
  if (typeof event !== "object" || event === null) return false;
  const members = event as Record<string, unknown>;
  const texts = ["id", "type", "occurred_at"].every((name) => typeof members[name] === "string");
  return texts && typeof members["data"] === "object" && members["data"] !== null;
}

function valueOf(headers: Headers, name: string): string | undefined {
  if (typeof headers.get === "function") return (headers as { get(name: string): string | null }).get(name) ?? undefined;
  const found = Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  return typeof found === "string" ? found : undefined;
}

/** Of `v1,` and Base64; nothing of other versions, which match nothing. */
function signatureOf(text: string): Uint8Array<ArrayBuffer> {
  const [version, encoded] = text.split(",", 2);
  return version === "v1" && encoded ? (decoded(encoded) ?? new Uint8Array()) : new Uint8Array();
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = decoded(secret.replace(/^whsec_/, ""));
  if (!key?.length) throw new TypeError("the secret of an endpoint is whsec_ and Base64");
  return key;
}

function decoded(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  } catch {
    return undefined;
  }
}
