/**
 * For pm2: `pm2 start ecosystem.config.cjs`. One worker process a machine; slots inside it (WORKER_CONCURRENCY)
 * are cheaper than processes. The environment is the one pm2 was started in.
 */
const { join } = require('node:path')

module.exports = {
  apps: [
    {
      name: 'video-worker',
      script: 'worker/main.ts',
      cwd: __dirname,
      // Node 24 runs TypeScript as it is; pm2 would look for bun or ts-node by the file's ending.
      interpreter: 'node',
      // Memory: dead buffers are collected early (worker/scavenge.ts), glibc keeps one arena instead of eight a core,
      // and compiled code is kept, so that the type stripper is not loaded. `npm run bench` shows the peak.
      node_args: ['--max-semi-space-size=1'],
      env: { MALLOC_ARENA_MAX: '1', NODE_COMPILE_CACHE: join(__dirname, 'node_modules/.cache/compiled') },
      exec_mode: 'fork',
      instances: 1,
      // pm2 sends SIGINT, waits this long (ms) and then kills. Its default of 1.6 s leaves an orphaned ffmpeg;
      // above DRAIN_SECONDS (90) by the time a worker needs for its last words. Held by a test.
      kill_timeout: 110_000,
      // By default pm2 sends the signal to ffmpeg too, and the worker would take that for a failed encode.
      treekill: false,
      // 78: the configuration is wrong, and stays wrong however often it starts. Not 0: pm2 takes the end by a signal
      // (SIGKILL of the kernel, which wants memory) for exit code 0, and would leave the instance without a worker.
      stop_exit_codes: [78],
      // `pm2 start` and `pm2 reload` come back when the worker polls, or after this long (ms): boot waits a minute for
      // a bucket or a queue.
      wait_ready: true,
      listen_timeout: 90_000,
      // Nothing of pm2's own is put into the process.
      pmx: false,
      // 69, or a crash: something is away. Wait longer each time, up to 15 s.
      exp_backoff_restart_delay: 500,
      // No max_memory_restart: it would end a job in the middle, and ffmpeg's memory is not counted anyway.
      merge_logs: true,
    },
  ],
}
