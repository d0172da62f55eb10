/** Made by `python -m tools.clients` from /v1/openapi.json: not changed by hand. */

export const API_VERSION = "2026-12-01";

/** Paths whose POST takes an Idempotency-Key. */
export const KEYED: ReadonlySet<string> = new Set([
  "/v1/authorizations",
  "/v1/charges",
  "/v1/charges/{id}/refund",
  "/v1/payouts",
  "/v1/refunds",
  "/v1/reservations",
  "/v1/settlements",
  "/v1/top_ups",
  "/v1/top_ups/{id}/refund",
  "/v1/webhook_endpoints",
  "/v1/write_offs",
]);

/** Paths to which each part of a body has a key of its own. */
export const KEYED_INSIDE: ReadonlySet<string> = new Set([
  "/v1/charges/batch",
]);
