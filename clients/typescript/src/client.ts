/** The client: typed by the paths of the OpenAPI document. */

import createClient, { type Client } from "openapi-fetch";

import {
  NoAnswerError,
  ProblemError,
  type Problem,
  StillPendingError,
  TransactionFailedError,
  UnexpectedAnswerError,
} from "./errors.js";
import { API_VERSION, KEYED } from "./endpoints.js";
import { isProblem, type Retries, type Sleep, sendPatiently, sleep, USUAL_RETRIES } from "./exchange.js";
import type { components, paths } from "./schema.js";

type Method = "get" | "post" | "patch" | "delete";
/** The paths that take a method. */
export type PathOf<M extends Method> = { [P in keyof paths]: paths[P][M] extends undefined ? never : P }[keyof paths];
type OperationOf<P extends keyof paths, M extends Method> = Exclude<paths[P][M], undefined>;
type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : never;
type Answers<T> = T extends { responses: infer R } ? { [S in keyof R]: S extends 200 | 201 ? Json<R[S]> : never }[keyof R] : never;
/** What an operation answers with. */
export type AnswerOf<P extends keyof paths, M extends Method> = Answers<OperationOf<P, M>>;
/** What it takes in its body. */
export type BodyOf<P extends keyof paths, M extends Method> =
  OperationOf<P, M> extends { requestBody?: infer B } ? Json<Exclude<B, undefined>> : never;
/** What it takes in its query string. */
export type QueryOf<P extends keyof paths> =
  OperationOf<P, "get"> extends { parameters: { query?: infer Q } } ? Exclude<Q, undefined> : never;
/** The paths of lists, and what is in them. */
export type ListPath = { [P in PathOf<"get">]: AnswerOf<P, "get"> extends { data: unknown[] } ? P : never }[PathOf<"get">];
export type ItemOf<P extends ListPath> = AnswerOf<P, "get"> extends { data: (infer T)[] } ? T : never;

/** The paths that answer with a file. */
export type FilePath = { [P in PathOf<"get">]: [AnswerOf<P, "get">] extends [never] ? P : never }[PathOf<"get">];

/** An object of the service, by its name in the document, such as `ObjectOf<"Charge">`. */
export type ObjectOf<N extends keyof components["schemas"]> = components["schemas"][N];

export interface Options {
  /** The secret of a key, `tsk_test_…` or `tsk_live_…`. */
  apiKey: string;
  /** The address of the service. */
  baseUrl: string;
  /** Until when an attempt must be answered. */
  timeoutMs?: number;
  retries?: Partial<Retries>;
  /** For tests, and for what goes through a proxy. */
  fetch?: (request: Request) => Promise<Response>;
  /** For tests. */
  sleep?: Sleep;
}

export interface PostOptions {
  /** The id in the path. */
  id?: string;
  /** Your own name for this request, which is done once; else it gets a new one. */
  idempotencyKey?: string;
}

/** What can be waited for. */
interface Waitable {
  object: string;
  id: string;
  status: string;
}

/** The service, as one key sees it. */
export class Tallystick {
  readonly #client: Client<Record<string, never>>;
  readonly #sleep: Sleep;

  /** Throws TypeError: a request with these could not be sent. */
  constructor(options: Options) {
    if (!/^[!-~]+$/.test(options.apiKey)) throw new TypeError("apiKey must be the secret of a key, such as tsk_test_…");
    if (!/^https?:$/.test(new URL(options.baseUrl).protocol)) throw new TypeError("baseUrl must be an http address");
    const retries = { ...USUAL_RETRIES, ...options.retries };
    const timeoutMs = options.timeoutMs ?? 30_000;
    const send =
      options.fetch ?? ((request: Request) => fetch(request, { signal: AbortSignal.timeout(timeoutMs), redirect: "manual" }));
    this.#sleep = options.sleep ?? sleep;
    this.#client = createClient({
      baseUrl: options.baseUrl.replace(/\/+$/, ""),
      headers: { authorization: `Bearer ${options.apiKey}`, "tallystick-version": API_VERSION },
      querySerializer: { array: { style: "form", explode: false } }, // the service takes a name once
      fetch: (request) => sendPatiently(request, send, retries, this.#sleep),
    });
  }

  /** Reads one object. Throws ProblemError, NoAnswerError, UnexpectedAnswerError. */
  async get<P extends Exclude<PathOf<"get">, ListPath | FilePath>>(
    path: P,
    id?: string,
    query: QueryOf<P> = {} as QueryOf<P>,
  ): Promise<AnswerOf<P, "get">> {
    return this.#ask("GET", path, { params: { path: { id }, query } });
  }

  /** Asks for something to be done. Throws as `get`. */
  async post<P extends PathOf<"post">>(path: P, body: BodyOf<P, "post">, options: PostOptions = {}): Promise<AnswerOf<P, "post">> {
    const key = KEYED.has(path) ? (options.idempotencyKey ?? crypto.randomUUID()) : undefined;
    const headers: Record<string, string> = key === undefined ? {} : { "idempotency-key": key };
    return this.#ask("POST", path, { params: { path: { id: options.id } }, body, headers }, key);
  }

  /** Changes something that is there. Throws as `get`. */
  async patch<P extends PathOf<"patch">>(path: P, id: string, body: BodyOf<P, "patch">): Promise<AnswerOf<P, "patch">> {
    return this.#ask("PATCH", path, { params: { path: { id } }, body });
  }

  /** Ends something. Throws as `get`. */
  async delete<P extends PathOf<"delete">>(path: P, id: string): Promise<AnswerOf<P, "delete">> {
    return this.#ask("DELETE", path, { params: { path: { id } } });
  }

  /** Reads a file. Throws as `get`. */
  async file<P extends FilePath>(path: P, id: string): Promise<Uint8Array> {
    const found: ArrayBuffer = await this.#ask("GET", path, { params: { path: { id } }, parseAs: "arrayBuffer" });
    return new Uint8Array(found);
  }

  /** Every object of a list, page after page: `for await (const charge of ts.list("/v1/charges")) …`. `id`: the one in the path. */
  async *list<P extends ListPath>(path: P, query: QueryOf<P> = {} as QueryOf<P>, id?: string): AsyncGenerator<ItemOf<P>, void, undefined> {
    let cursor: string | null | undefined;
    do {
      const page = await this.page(path, cursor ? ({ ...(query as object), cursor } as QueryOf<P>) : query, id);
      yield* page.data as ItemOf<P>[];
      cursor = page.next_cursor;
    } while (cursor);
  }

  /** One page of a list. */
  async page<P extends ListPath>(
    path: P,
    query: QueryOf<P> = {} as QueryOf<P>,
    id?: string,
  ): Promise<{ data: ItemOf<P>[]; next_cursor?: string | null }> {
    return this.#ask("GET", path, { params: { path: { id }, query } });
  }

  /**
   * Asks until it is no longer pending; what it is then.
   * Throws StillPendingError: so many seconds have passed; TransactionFailedError; and what asking throws.
   */
  async wait<T extends Waitable>(one: T, seconds = 120): Promise<T> {
    let waited = 0;
    let found = one;
    for (let pause = 50; found.status === "pending"; pause = Math.min(2000, pause * 1.5)) {
      if (waited >= seconds * 1000) throw new StillPendingError(found);
      const next = Math.min(pause, seconds * 1000 - waited);
      await this.#sleep(next);
      waited += next;
      const path = found.object === "authorization" ? "/v1/authorizations/{id}" : "/v1/transactions/{id}";
      found = (await this.get(path, found.id)) as unknown as T;
    }
    if (found.status === "failed") throw new TransactionFailedError(found);
    return found;
  }

  async #ask(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, init: Init, key?: string): Promise<never> {
    if (path.includes("{id}") && !/^[0-9A-Za-z_-]{1,128}$/.test(init.params.path?.id ?? "")) {
      throw new TypeError("an id has letters, digits, _ and - only"); // another would lead to another path
    }
    // The paths are checked by the signatures above; openapi-fetch would want the key of each as a parameter, too.
    const client = this.#client as unknown as Record<string, (path: string, init: object) => Promise<Told>>;
    let told: Told;
    try {
      told = await client[method]!(path, init);
    } catch (error) {
      if (error instanceof NoAnswerError || error instanceof TypeError) throw error;
      throw new UnexpectedAnswerError(`The answer of ${path} cannot be read: ${String(error)}`);
    }
    if (told.response.ok) return told.data as never;
    if (isProblem(told.response)) throw new ProblemError(told.response.status, told.error as Problem, key);
    throw new UnexpectedAnswerError(`${path} answered with status ${told.response.status}, but no problem of ours.`);
  }
}

interface Init {
  params: { path?: { id: string | undefined }; query?: unknown };
  body?: unknown;
  headers?: Record<string, string>;
  parseAs?: string;
}

interface Told {
  data?: unknown;
  error?: unknown;
  response: Response;
}
