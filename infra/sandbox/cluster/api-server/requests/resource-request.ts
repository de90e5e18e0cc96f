import type { ApiContext, Target, WriteOptions } from '../context.ts';
import type { Stored } from '../store/collection.ts';
import { type ApiRequest, type ApiResponse, jsonText } from './exchange.ts';
import type { ResourcePath } from './resource-path.ts';
import { type Rendering, renderObject } from './views.ts';

/** A request for a resource with everything that was read from it. */
export interface ResourceRequest {
  readonly context: ApiContext;
  readonly request: ApiRequest;
  readonly path: ResourcePath;
  readonly target: Target;
  readonly options: WriteOptions;
  readonly rendering: Rendering;
}

const warningHeaders = (warnings: readonly string[]): Record<string, string> =>
  warnings.length === 0
    ? {}
    : { Warning: warnings.map((text) => `299 - ${JSON.stringify(text)}`).join(', ') };

/** An answer with one object, and what the client is to be told beside it. */
export const answerObject = (
  status: number,
  stored: Stored,
  rendering: Rendering,
  warnings: readonly string[] = [],
): ApiResponse => jsonText(status, renderObject(stored, rendering), warningHeaders(warnings));
