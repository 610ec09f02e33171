#!/usr/bin/env node
/** `npx video-worker …`: the operators' commands, under a Node that is recent enough. Nothing is installed. */
process.argv.splice(2, 0, '--no-setup', 'deploy/commands/main.ts')
await import('./run.mjs')
