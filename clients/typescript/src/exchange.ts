/** Sending a request until there is an answer: when to ask again, and how long to wait before. */

import { KEYED_INSIDE } from "./endpoints.js";
import { NoAnswerError } from "./errors.js";

/** How often and when to ask again. The first pause is about `firstMs`, then twice as long each time, up to `longestMs`. */
export interface Retries {
  times: number;
  firstMs: number;
  longestMs: number;
}

export const USUAL_RETRIES: Retries = { times: 4, firstMs: 250, longestMs: 30_000 };
export const PROBLEM_TYPE = "application/problem+json";

export type Sleep = (ms: number) => Promise<void>;
export const sleep: Sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Refusals of the service that say: come again. Nothing was done. */
const LATER = new Set([429, 503]);
/** What something in between answers: nobody knows what was done. */
const GATEWAYS = new Set([502, 503, 504]);

/** Whether the answer is a problem of the service, and not the page of something in between. */
export function isProblem(answer: Response): boolean {
  return (answer.headers.get("content-type") ?? "").split(";")[0]!.trim() === PROBLEM_TYPE;
}

function pauseMs(retries: Retries, done: number): number {
  const whole = Math.min(retries.longestMs, retries.firstMs * 2 ** (done - 1));
  return whole * (0.5 + Math.random() / 2); // programs that were cut off together return apart
}

function retryAfterMs(answer: Response): number | undefined {
  const text = (answer.headers.get("retry-after") ?? "").trim();
  return /^[0-9]{1,9}$/.test(text) ? Number(text) * 1000 : undefined;
}

/**
 * Sends a request, and again where no answer came or the service says to come again.
 * `send`: throws where no answer came, as fetch does. A request that has no key and changes something is sent once only.
 */
export async function sendPatiently(
  request: Request,
  send: (request: Request) => Promise<Response>,
  retries: Retries,
  wait: Sleep,
): Promise<Response> {
  const key = request.headers.get("idempotency-key") ?? undefined;
  const path = new URL(request.url).pathname;
  const repeatable = request.method === "GET" || key !== undefined || [...KEYED_INSIDE].some((one) => path.endsWith(one));
  for (let done = 1; ; done++) {
    let answer: Response;
    try {
      answer = await send(request.clone());
    } catch (error) {
      if (!repeatable || done > retries.times) throw new NoAnswerError(reasonOf(error), key);
      await wait(pauseMs(retries, done));
      continue;
    }
    if (isProblem(answer)) {
      const pause = retryAfterMs(answer) ?? pauseMs(retries, done);
      if (!LATER.has(answer.status) || done > retries.times || pause > retries.longestMs) return answer;
      await wait(pause);
    } else if (GATEWAYS.has(answer.status)) {
      if (!repeatable || done > retries.times) {
        throw new NoAnswerError(`status ${answer.status} of something in between`, key);
      }
      await wait(pauseMs(retries, done));
    } else {
      return answer;
    }
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
