import { BACKENDS } from './backends.ts';
import { describeModel } from './describe.ts';

for (const backend of BACKENDS) describeModel(backend);
