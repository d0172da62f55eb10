/** What can go wrong: problems that the service answers with, and answers that did not come. */

import type { components } from "./schema.js";

/** A problem document (RFC 9457), as the service sends it. */
export type Problem = components["schemas"]["Problem"];
/** The codes that this version knows; a later service may have others. */
export type ProblemCode = Problem["code"];

/** Whatever this library throws by itself. */
export class TallystickError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** The service said no; nothing was done. Go by `code`. */
export class ProblemError extends TallystickError {
  readonly code: ProblemCode;

  /** `idempotencyKey`: of the request, which may be sent again with it. */
  constructor(
    readonly status: number,
    readonly problem: Problem,
    readonly idempotencyKey?: string,
  ) {
    super(`${problem.detail} (${problem.code})`);
    this.code = problem.code;
  }
}

/** No answer came, however often it was asked: what was asked for may have been done. Ask again with the same key. */
export class NoAnswerError extends TallystickError {
  constructor(
    readonly reason: string,
    readonly idempotencyKey?: string,
  ) {
    super(`The service gave no answer: ${reason}.` + (idempotencyKey ? ` Ask again with the key "${idempotencyKey}".` : ""));
  }
}

/** An answer that is not the service's, such as the error page of a proxy. */
export class UnexpectedAnswerError extends TallystickError {}

/** It was waited for, and is pending still. `found`: as it was when it was last looked at. */
export class StillPendingError extends TallystickError {
  constructor(readonly found: { id: string }) {
    super(`${found.id} is still pending`);
  }
}

/** It was waited for, and failed. */
export class TransactionFailedError extends TallystickError {
  constructor(readonly transaction: { id: string; status_code?: string }) {
    super(`${transaction.id} failed: ${transaction.status_code ?? "failed"}`);
  }
}

/** A webhook that the holder of the secret has not sent, or not lately. Do nothing; answer with status 400. */
export class InvalidWebhookError extends TallystickError {}
