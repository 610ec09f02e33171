import { gzipSync } from 'node:zlib'
import { WorkerError } from '../../shared/errors.ts'
import { namesOf } from './names.ts'
import type { Settings } from './settings.ts'

/** EC2 takes no more of them, before base64. */
const mostBytes = 16_384

/**
 * The user data of an instance in base64: deploy/host/user-data.sh with the variables that it reads in front, behind its
 * first line. Packed by gzip, which cloud-init unpacks: it is in the template once for each architecture, and that
 * must stay small enough for CloudFormation to take it from a file. Throws config_invalid when it is too long.
 */
export function userDataOf(settings: Settings, script: string): string {
  const names = namesOf(settings)
  const { run, parameters, region, group } = settings
  const variables = {
    AWS_REGION: region,
    ENV_PARAMETER: parameters.workerEnv,
    RUN_FROM: run.from,
    CODE_URI: run.codeUri,
    CODE_SHA256: run.codeSha256,
    AUTO_SCALING_GROUP_NAME: group.name,
    LAUNCH_HOOK_NAME: names.launchHook,
    TERMINATE_HOOK_NAME: names.terminateHook,
    LOG_GROUP: names.workerLog,
  }
  const [first = '', ...rest] = script.split('\n')
  if (!first.startsWith('#!'))
    throw new WorkerError('config_invalid', 'deploy/host/user-data.sh does not begin with #!')
  const text = [
    first,
    ...Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`),
    ...(run.from === 'image' ? imageLines(parameters.image) : ["export IMAGE_URI=''"]),
    ...rest,
  ].join('\n')
  const packed = gzipSync(text, { level: 9 })
  if (packed.length > mostBytes)
    throw new WorkerError(
      'config_invalid',
      `The user data has ${packed.length} bytes, EC2 takes ${mostBytes}`,
    )
  return packed.toString('base64')
}

/**
 * Which image is asked at each boot, so that a deployment is a new value of the parameter and a refresh of the
 * instances. What cannot be read stays empty: the script refuses that by name and tells the launch hook.
 */
function imageLines(parameter: string): string[] {
  const ask = `aws ssm get-parameter --region "$AWS_REGION" --name '${parameter}' --query Parameter.Value --output text`
  return [`IMAGE_URI="$(${ask} || true)"`, 'export IMAGE_URI']
}
