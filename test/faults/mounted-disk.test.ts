import { describeEveryCall } from './every-call.ts';

describeEveryCall('mounted disk');
