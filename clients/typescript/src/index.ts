/** Tallystick from TypeScript: prepaid balances and postpaid tabs, authorized once, charged many times. */

export * from "./client.js";
export { API_VERSION } from "./endpoints.js";
export * from "./errors.js";
export type { Retries } from "./exchange.js";
export * from "./webhooks.js";
