import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../json.ts';
import { Applied } from './apply.ts';
import { mergeSchemaOf } from './merge-schema.ts';

const schema = mergeSchemaOf('Service');

describe('server-side apply', () => {
  const applyAll = (...steps: [string, JsonObject][]): unknown => {
    const applied = new Applied();
    let document: JsonObject = {};
    for (const [manager, config] of steps) {
      document = Object(applied.apply(document, 'uid', manager, config, schema));
      applied.record('uid', manager, config);
    }
    return document;
  };

  it('takes away what its manager no longer applies, down into lists', () => {
    const ports = (...list: JsonObject[]): JsonObject => ({ spec: { ports: list } });
    expect(
      applyAll(
        ['a', ports({ port: 80, name: 'http', targetPort: 8080 }, { port: 81 })],
        ['a', ports({ port: 80, name: 'http' })],
      ),
    ).toEqual(ports({ port: 80, name: 'http' }));
  });

  it('keeps what another manager applies too', () => {
    const both: JsonObject = { metadata: { labels: { a: '1' }, finalizers: ['x/y'] } };
    expect(applyAll(['a', both], ['b', both], ['a', { metadata: {} }])).toEqual(both);
  });
});
