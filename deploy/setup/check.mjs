/** `npm run check`: types (tsc), then lint and format (biome). The first that finds something ends it. */
import { endLike, runChild } from './launch.mjs'
import { root } from './steps.mjs'

process.chdir(root)
const checks = [
  ['tsc', ['-p', '.']],
  [
    'biome',
    ['check', '--config-path=test/tools/lint.json', '--error-on-warnings', ...process.argv.slice(2), '.'],
  ],
]
for (const [program, args] of checks) {
  const ending = await runChild(program, args)
  if (ending.code !== 0) endLike(ending)
}
