/** The set-up as a person meets it: in fresh clones, twice at once, on old Nodes and on machines that lack things. */
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { addCachedNode, makeProject, type Project } from './project.ts'

let project: Project
beforeEach(() => {
  project = makeProject()
})
afterEach(() => project.remove())

describe('packages', () => {
  test('are installed from the lock in a fresh clone, and then left alone without a word', async () => {
    expect(await project.run([])).toMatchObject({ code: 0, stdout: '' })
    expect(await project.run([])).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(project.calls()).toEqual([expect.stringMatching(/^npm ci /)])
  })

  test('are installed again when the lock has changed', async () => {
    await project.run([])
    project.addFile('package-lock.json', '{"packages":{"":{},"node_modules/new":{"integrity":"sha512-x"}}}')
    await project.run([])
    expect(project.calls()).toHaveLength(2)
  })

  test('are installed once when two set-ups start at the same time', async () => {
    const endings = await Promise.all([project.run([]), project.run([])])
    expect(endings.map((ending) => ending.code)).toEqual([0, 0])
    expect(project.calls()).toHaveLength(1)
  })

  test('that somebody installed by hand are taken as they are', async () => {
    project.addFile('node_modules/.package-lock.json', '{"packages":{}}')
    expect(await project.run([])).toMatchObject({ code: 0, stderr: '' })
    expect(project.calls()).toEqual([])
  })

  test('that cannot be installed end it with what npm said', async () => {
    project.addFile('npm.js', 'console.error("npm error code EUSAGE"); process.exit(1)')
    const ending = await project.run([])
    expect(ending.code).toBe(69)
    expect(ending.stderr).toContain('npm error code EUSAGE')
    expect(ending.stderr).not.toContain('    at ')
  })
})

describe('programs', () => {
  beforeEach(() => project.addFile('node_modules/.package-lock.json', '{"packages":{}}'))

  const aptGet = [
    'echo "apt-get $*" >> "$CALLS"',
    'case "$*" in *install*) for name in ffmpeg ffprobe; do printf "#!/bin/sh\\n" > "$BIN/$name"; /bin/chmod +x "$BIN/$name"; done;; esac',
  ].join('\n')
  const addApt = () => {
    project.addProgram('apt-get', aptGet)
    project.addProgram('env', 'exec /usr/bin/env "$@"')
    // For when the tests do not run as root.
    project.addProgram('sudo', 'shift; exec "$@"')
    project.addProgram('true')
  }

  test('that are missing are named, with the command that installs them, where apt-get may not be used', async () => {
    addApt()
    const ending = await project.run(['--needs=ffmpeg,redis', '--no-apt'])
    expect(ending.code).toBe(69)
    expect(ending.stderr).toMatch(/ffmpeg, ffprobe, redis-server.*install ffmpeg redis/)
    expect(project.calls()).toEqual([])
  })

  test('that are missing are installed with apt-get, after an update of its lists', async () => {
    addApt()
    expect(await project.run(['--needs=ffmpeg'])).toMatchObject({ code: 0, stdout: '' })
    expect(project.calls()).toEqual([
      expect.stringMatching(/^apt-get .*update$/),
      expect.stringMatching(/^apt-get .*install -y --no-install-recommends ffmpeg$/),
    ])
  })

  test('that only one suite wants are done without', async () => {
    project.addFile('target.mjs', 'console.log("ran")')
    const ending = await project.run(['--wants=chromium', 'target.mjs'])
    expect(ending).toMatchObject({ code: 0, stdout: 'ran\n' })
    expect(ending.stderr).toContain('chromium not installed')
  })
})

describe('the target', () => {
  const echo = 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7'

  test('gets its arguments and gives its exit code', async () => {
    project.addFile('target.mjs', echo)
    const ending = await project.run(['target.mjs', 'a', '--once'])
    expect(ending).toMatchObject({ code: 7, stdout: '["a","--once"]\n' })
  })

  test('finds itself the main module', async () => {
    project.addFile('target.mjs', 'console.log(import.meta.main)')
    expect(await project.run(['target.mjs'])).toMatchObject({ stdout: 'true\n' })
  })

  test('runs under the Node in the cache where Node is too old', async () => {
    addCachedNode(project)
    project.addFile('node_modules/.package-lock.json', '{"packages":{}}')
    project.addFile('target.mjs', echo)
    const ending = await project.run(['target.mjs', 'a', '--once'], { oldNode: true })
    expect(ending).toMatchObject({ code: 7, stdout: '["a","--once"]\n' })
  })

  test('that runs in a child is sent the signals, and its end is ours', async () => {
    addCachedNode(project)
    project.addFile('target.mjs', 'console.log("up"); setInterval(() => {}, 1000)')
    const { child, ended } = project.start(['--no-setup', 'target.mjs'], { oldNode: true })
    await once(child.stdout!, 'data')
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: null, signal: 'SIGTERM' })
  })

  test('is not run, nor anything installed, by an old Node that may not set up', async () => {
    project.addFile('target.mjs', echo)
    const ending = await project.run(['--no-setup', 'target.mjs'], { oldNode: true })
    expect(ending).toMatchObject({ code: 69, stdout: '' })
    expect(ending.stderr.trimEnd()).toMatch(/^This is Node 20\.1\.0; the project needs Node 24 or later.*$/)
    expect(project.calls()).toEqual([])
  })
})
