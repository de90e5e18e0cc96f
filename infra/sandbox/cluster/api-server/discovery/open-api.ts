import type { JsonObject } from '../json.ts';
import { type ApiRequest, type ApiResponse, json } from '../requests/exchange.ts';
import { apiVersionOf } from '../resources/definition.ts';
import { resourceTable } from '../resources/table.ts';

/** A path whose objects can be patched, and the kind of those. */
interface Patchable {
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const patchable = (): Patchable[] =>
  resourceTable.flatMap((definition) =>
    definition.versions.map(({ version }): Patchable => {
      const { group, kind, resource, namespaced } = definition;
      const root = `${group === '' ? '/api' : '/apis'}/${apiVersionOf(definition, version)}`;
      return {
        path: `${root}/${namespaced ? 'namespaces/{namespace}/' : ''}${resource}/{name}`,
        group,
        version,
        kind,
      };
    }),
  );

const kindExtension = 'x-kubernetes-group-version-kind';

const title = 'Kubernetes';
const version = 'sandbox';

const jsonDocument = (): JsonObject => ({
  swagger: '2.0',
  info: { title, version },
  paths: Object.fromEntries(
    patchable().map(({ path, ...kind }) => [
      path,
      {
        patch: {
          parameters: [{ name: 'dryRun', in: 'query', type: 'string' }],
          responses: {},
          [kindExtension]: kind,
        },
      },
    ]),
  ),
  definitions: {},
});

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];

/** A field of a protobuf message that has a length: a text or a message. */
const field = (number: number, value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
};

const message = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields);

/**
 * The same in the binary form, whose field numbers are those of
 * https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto.
 */
const binaryDocument = (): Buffer => {
  const parameter = message(field(2, 'query'), field(4, 'dryRun'), field(6, 'string'));
  // A parameter that is not a body, and of those one of the query.
  const parametersItem = field(1, field(2, field(3, parameter)));
  const pathItem = ({ path, ...kind }: Patchable): Buffer => {
    const extension = message(field(1, kindExtension), field(2, field(2, JSON.stringify(kind))));
    const patch = message(field(8, parametersItem), field(13, extension));
    return message(field(1, path), field(2, field(8, patch)));
  };
  return message(
    field(1, '2.0'),
    field(2, message(field(1, title), field(2, version))),
    field(8, message(...patchable().map((one) => field(2, pathItem(one))))),
  );
};

/**
 * What kubectl looks up in the OpenAPI document: which kinds can be patched as a dry run, without which kubectl up to
 * 1.26 refuses `diff` and `--dry-run=server`. Kinds have no schema in it, so kubectl skips its own validation.
 */
export const openApi = (request: ApiRequest): ApiResponse => {
  if (!(request.accept ?? '').includes('protobuf')) return json(200, jsonDocument());
  const contentType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
  return { kind: 'body', status: 200, contentType, body: binaryDocument() };
};
