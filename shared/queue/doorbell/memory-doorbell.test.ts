import { doorbellConformance } from './doorbell-conformance.ts';
import { createMemoryDoorbell } from './memory-doorbell.ts';

doorbellConformance('memory', createMemoryDoorbell);
