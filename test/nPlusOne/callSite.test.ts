import { expect, it, onTestFinished } from 'vitest';
import { framesOfCaller, stackOfCaller } from '../../src/nPlusOne/callSite.ts';

it('the frames of a caller are those outside Pincex, Node.js and node_modules, relative to the working folder', () => {
  const stack = `Error
    at checked (file:///app/node_modules/pincex/dist/surplus.js:26:9)
    at node:internal/process/task_queues:95:5
    at Object.find [as findOne] (/app/node_modules/orm/index.js:1:1)
    at UserStore.load (/app/src/(users)/store 1.ts:12:34)
    at async Promise.all (index 0)
    at async file:///app/src/main.ts:5:6
    at async handle (file:///shared/handle.ts:7:8)
    at eval (eval at run (/app/x.js:1:2), <anonymous>:1:1)`;
  const ours = '/app/node_modules/pincex/dist/';
  expect(framesOfCaller(stack, ours, '/app')).toEqual([
    'src/(users)/store 1.ts:12',
    'src/main.ts:5',
    '/shared/handle.ts:7',
  ]);
  const [head, first, second, third] = stack.split('\n');
  expect(framesOfCaller([head, first, second, third].join('\n'), ours, '/app')).toEqual([
    'node_modules/orm/index.js:1',
  ]);
});

it('a stack that the application cannot prepare has no frames and makes no call fail', () => {
  const { stackTraceLimit } = Error;
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  onTestFinished(() => {
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Object.defineProperty(Error, 'prepareStackTrace', before);
  });
  Error.prepareStackTrace = () => {
    throw new Error('No');
  };
  expect(stackOfCaller()).toEqual([]);
  Error.prepareStackTrace = () => [];
  expect(stackOfCaller()).toEqual([]);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});
