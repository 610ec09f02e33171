/** `npm test [-- jest's arguments]`: the checks, then every suite; jest's summary is the last thing printed. */
import { join } from 'node:path'
import { endLike, runChild } from './launch.mjs'
import { root } from './steps.mjs'

process.chdir(root)
const check = await runChild(process.execPath, [join(root, 'deploy/setup/check.mjs')])
if (check.code !== 0) endLike(check)
// jest loads ES modules through node:vm, which Node keeps behind a flag and warns about in every process.
const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
const options = [process.env.NODE_OPTIONS ?? '', ...flags].join(' ').trim()
const jest = [join(root, 'node_modules/jest/bin/jest.js'), '-c', 'test/tools/jest.config.mjs']
endLike(await runChild(process.execPath, [...jest, ...process.argv.slice(2)], { NODE_OPTIONS: options }))
