/** What a person would type instead of running a worker: one ffmpeg that makes all of a job's output. */
import { alone, startWorkers, tenantId, withFleet } from './timed.ts'

/** A day: no source of a benchmark is cut. */
const uncut = { ...alone, CHUNK_SECONDS: '86400' }

/**
 * The command for the whole file at the worker's own settings, taken from a worker that is ended as soon as it has
 * logged what it starts: one for the pictures and one for the sound, made one.
 */
export async function wholeCommand(source: string, signal: AbortSignal): Promise<string> {
  return withFleet(signal, async (fleet) => {
    const [worker] = await startWorkers(fleet, ['whole'], uncut)
    const fileKey = await fleet.stack.upload(source, { tenantId, videoId: 1 })
    await fleet.stack.sendJob({ tenantId, videoId: 1, fileKey })
    const [video, audio] = await Promise.all(
      ['video', 'audio'].map(async (what) => {
        const line = await worker!.logged((each) => each.msg === 'tool starts' && each.what === what)
        return String(line.command)
      }),
    )
    worker!.kill('SIGKILL')
    await worker!.ended
    // At the priority that the worker gives its encoders, so that a busy machine slows both alike.
    return `nice -n 5 ${joined(video!, audio!)}`
  })
}

/** The outputs of both behind one input: read once, decoded once. */
export function joined(video: string, audio: string): string {
  const input = (command: string) => / -i (\S+) /.exec(command)
  const [ofVideo, ofAudio] = [input(video), input(audio)]
  if (!ofVideo || !ofAudio || ofVideo[1] !== ofAudio[1])
    throw new Error(`the worker’s commands have no common input:\n${video}\n${audio}`)
  return `${video} ${audio.slice(ofAudio.index + ofAudio[0].length)}`
}
