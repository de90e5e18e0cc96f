import { describe, expect, it } from 'vitest';
import { PortBlock } from './port-block.ts';

const block = (ports: number[], held: Set<string>): PortBlock => new PortBlock(ports, (ip) => held.has(ip));

describe('the ports of one loopback address', () => {
  it('a pair of address and port keeps its port', () => {
    const ports = block([1, 2, 3], new Set(['10.1.0.1', '10.1.0.2']));
    expect([
      ports.portOf('10.1.0.1', 80),
      ports.portOf('10.1.0.1', 81),
      ports.portOf('10.1.0.2', 80),
      ports.portOf('10.1.0.1', 80),
    ]).toEqual([1, 2, 3, 1]);
  });

  it('no port moves while its address is held, also when all are in use', () => {
    const held = new Set(['10.1.0.1', '10.1.0.2']);
    const ports = block([1, 2], held);
    ports.portOf('10.1.0.1', 80);
    ports.portOf('10.1.0.2', 80);
    expect(() => ports.portOf('10.1.0.3', 80)).toThrow('Every port of this sandbox is in use');
    expect(ports.portOf('10.1.0.1', 80)).toBe(1);
  });

  it('ports of addresses that were given back are taken again, the longest unused first', () => {
    const held = new Set(['10.1.0.1', '10.1.0.2', '10.1.0.3']);
    const ports = block([1, 2, 3], held);
    for (const ip of held) ports.portOf(ip, 80);
    for (const ip of ['10.1.0.2', '10.1.0.1']) {
      held.delete(ip);
      ports.released(ip);
    }
    expect(ports.portOf('10.1.0.1', 80)).toBe(1);
    held.add('10.1.0.4');
    expect(ports.portOf('10.1.0.4', 80)).toBe(2);
    expect(ports.portOf('10.1.0.1', 80)).toBe(1);
    expect(ports.portOf('10.1.0.3', 80)).toBe(3);
  });
});
