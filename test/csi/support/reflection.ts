import protobuf from 'protobufjs';
import { descriptor } from '../../../src/csi/generated/descriptor.ts';

const root = protobuf.Root.fromJSON(descriptor).resolveAll();

export const SERVICES = ['Identity', 'Controller', 'GroupController', 'Node'] as const;

export interface Rpc {
  readonly service: (typeof SERVICES)[number];
  readonly name: string;
  readonly request: protobuf.Type;
}

/** All RPCs that the driver may serve, with their request messages. */
export function rpcs(): Rpc[] {
  return SERVICES.flatMap((service) =>
    Object.values(root.lookupService(`csi.v1.${service}`).methods).map((method) => ({
      service,
      name: method.name,
      request: root.lookupType(`csi.v1.${method.requestType}`),
    })),
  );
}

/** The name of a field in csi.proto: volumeId is volume_id. */
export function protoName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The message type of a field; undefined for scalars, enums and maps. */
export function messageOf(field: protobuf.Field): protobuf.Type | undefined {
  return field.resolvedType instanceof protobuf.Type ? field.resolvedType : undefined;
}

/** True of fields marked csi_secret in csi.proto. */
export function isSecret(field: protobuf.Field): boolean {
  return field.options?.['(csi_secret)'] === true;
}

/** A request as a handler receives it. */
export function received(type: protobuf.Type, value: object): object {
  return type.toObject(type.decode(type.encode(type.fromObject(value)).finish()), {
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
}
