import type { ApiContext, Target, WriteOptions } from '../context.ts';
import { invalid } from '../field-errors.ts';
import { childOf, cloneJson, isObject, type Json, type JsonObject, numberOf, objectOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { labelSelectorText } from '../selectors.ts';
import { badRequest, invalidObject, modified } from '../status-error.ts';
import type { PatchType } from './content.ts';
import { patchDocument } from './patch.ts';
import { getObject } from './read.ts';
import { updateObject } from './update.ts';

const scaleOf = ({ metadata, ...object }: KubeObject): JsonObject => {
  const { name, namespace = '', uid = '', resourceVersion = '', creationTimestamp = '' } = metadata;
  const spec = objectOf(object.spec);
  const replicas = numberOf(objectOf(object.status).replicas) ?? 0;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: (numberOf(spec.replicas) ?? 0) === 0 ? {} : { replicas: numberOf(spec.replicas) ?? 0 },
    status: { replicas, selector: labelSelectorText(spec.selector) },
  };
};

/** The Scale of a workload. @throws StatusError 404 */
export const getScale = (context: ApiContext, target: Target): JsonObject =>
  scaleOf(getObject(context, target).object);

/**
 * Sets `spec.replicas` through a Scale, which `edit` makes from the present one.
 *
 * @throws StatusError 400, 404, 409, 422
 */
export const updateScale = async (
  context: ApiContext,
  target: Target,
  edit: (scale: JsonObject) => Json,
  options: WriteOptions,
): Promise<JsonObject> => {
  const { stored } = await updateObject(
    context,
    {
      target,
      subresource: '',
      change: (current) => {
        const edited = edit(scaleOf(current));
        if (!isObject(edited)) throw badRequest('json: cannot unmarshal into Go value of type v1.Scale');
        const version = objectOf(edited.metadata).resourceVersion;
        if (typeof version === 'string' && version !== '' && version !== current.metadata.resourceVersion) {
          throw modified(target.definition, target.name);
        }
        const replicas = numberOf(objectOf(edited.spec).replicas) ?? 0;
        if (replicas < 0) {
          throw invalidObject({ group: 'autoscaling', kind: 'Scale' }, target.name, [
            invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
          ]);
        }
        const draft = cloneJson<KubeObject>(current);
        childOf(draft, 'spec').replicas = replicas;
        return draft;
      },
    },
    options,
  );
  return scaleOf(stored.object);
};

/** A patch of a Scale as an edit. */
export const scalePatch =
  (type: PatchType, patch: Json) =>
  (scale: JsonObject): Json =>
    patchDocument(scale, type, patch, 'Scale');
