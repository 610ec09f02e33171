import { decimal, text } from './config-variable.ts'

/** The part of shared/config-schema.ts about the machine: its metadata, and the Auto Scaling group it is in. */
export const hostVariables = {
  // The names of the AWS SDK, which reads its credentials from there: one switch and one address for both.
  metadata: {
    disabled: text(
      'AWS_EC2_METADATA_DISABLED',
      'Asks nothing of the instance metadata: no Spot or scaling notices',
      {
        format: 'flag',
        default: false,
      },
    ),
    endpoint: text('AWS_EC2_METADATA_SERVICE_ENDPOINT', 'Address of the instance metadata', {
      format: 'origin',
      default: 'http://169.254.169.254',
    }),
  },
  notices: {
    // A Spot notice comes 120 s ahead: each second between two looks is one less for the jobs.
    pollSeconds: decimal('NOTICE_POLL_SECONDS', 2, 0.05, 5, 'Time between two looks for a notice to leave'),
  },
  scaling: {
    group: text('AUTO_SCALING_GROUP_NAME', 'Auto Scaling group of the instance', {
      default: '',
      shown: 'the instance’s tag',
    }),
    endpoint: text(
      'AWS_ENDPOINT_URL_AUTO_SCALING',
      'Address of Auto Scaling when it is not the region’s own',
      {
        default: '',
        format: 'address',
      },
    ),
    hook: text('LIFECYCLE_HOOK_NAME', 'Termination hook that a leaving worker completes', {
      default: '',
      shown: 'the group’s only one',
    }),
    protection: {
      doc: 'A busy instance is protected from scale-in; without an answer `auto` works on, `required` hands jobs back for 10 minutes, `off` never asks',
      format: ['auto', 'required', 'off'],
      default: 'auto',
      env: 'SCALE_IN_PROTECTION',
    },
    idleSeconds: decimal(
      'SCALE_IN_IDLE_SECONDS',
      60,
      0,
      3600,
      'Time without a job after which the instance may be scaled in',
    ),
  },
}
