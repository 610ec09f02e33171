/**
 * node deploy/setup/run.mjs [--needs=a,b] [--wants=a,b] [--no-apt] [--no-setup] [TARGET [args…]]
 *
 * Makes a fresh clone ready, then runs TARGET (a path from the project's folder) under Node 24. Without a
 * TARGET it only does the set-up. Says nothing, and takes well under 0.3 s, when everything is there.
 *   --needs     programs the target cannot do without: ffmpeg, redis, chromium, python3
 *   --wants     programs that only some of it uses; without them it goes on
 *   --no-apt    install no programs, only say which are missing
 *   --no-setup  install nothing at all (npm start): only find a Node that is recent enough, or say so
 * Exit 69 when something is missing that cannot be installed here.
 */
import { isAbsolute, resolve } from 'node:path'
import { launch } from './launch.mjs'
import { withLock } from './lock.mjs'
import * as packages from './packages.mjs'
import { installPrograms, missingPrograms } from './programs.mjs'
import { exitUnavailable, root, SetupError } from './steps.mjs'

const [options, target, targetArgs] = parse(process.argv.slice(2))
try {
  const node = options.setup ? await setUp(options) : findNode()
  if (target !== undefined)
    await launch(node, isAbsolute(target) ? target : resolve(root, target), targetArgs)
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(exitUnavailable)
}

/** Everything the options ask for, then the path of a Node that can run the target. */
async function setUp(wanted) {
  const nodeIsThere = () => packages.nodeIsRecent() || packages.cachedNode() !== undefined
  if (!packages.packagesAreFresh() || !nodeIsThere()) {
    await withLock(root, async () => {
      // Looked at again under the lock: another set-up may have done it while we waited.
      if (!packages.packagesAreFresh()) await packages.installPackages()
      if (!nodeIsThere()) await packages.installNode()
    })
  }
  if (missingPrograms([...wanted.needs, ...wanted.wants]).length > 0) await installPrograms(wanted)
  return findNode()
}

function findNode() {
  const node = packages.nodeIsRecent() ? process.execPath : packages.cachedNode()
  if (node === undefined) throw new SetupError(packages.oldNodeAdvice)
  return node
}

function parse(args) {
  const options = { needs: [], wants: [], apt: true, setup: true }
  let index = 0
  for (; args[index]?.startsWith('--'); index++) {
    const [name, value] = args[index].slice(2).split('=')
    if (name === 'needs' || name === 'wants') options[name] = value.split(',')
    else if (name === 'no-apt') options.apt = false
    else if (name === 'no-setup') options.setup = false
    else throw new Error(`unknown option --${name}`)
  }
  return [options, args[index], args.slice(index + 1)]
}
