import type { AuditItem } from './audit-schema.ts'

type Entry = Pick<AuditItem, 'action' | 'subject' | 'detail'>

/** What the actor did, for people; an action that is not here is said by its own name. */
const SENTENCES: Readonly<Record<string, (entry: Entry) => string>> = {
  'people.sign_in': ({ detail }) => `signed in (${word(detail['how'])})`,
  'people.sign_out': () => 'signed out',
  'people.sign_in_failed': ({ subject }) => `failed to sign in as ${subject}`,
  'people.add_user': ({ subject }) => `added the user ${subject}`,
  'people.invite': ({ subject }) => `invited ${subject}`,
  'people.disable_user': ({ subject }) => `disabled ${subject}`,
  'people.enable_user': ({ subject }) => `enabled ${subject}`,
  'people.change_password': () => 'changed the own password',
  'people.set_role': ({ subject, detail }) =>
    detail['role'] === null
      ? `took the role of ${subject} away`
      : `gave ${subject} the role ${word(detail['role'])}`,
  'people.add_team': ({ subject }) => `added the team ${subject}`,
  'people.remove_team': ({ subject }) => `removed the team ${subject}`,
  'people.add_member': ({ subject, detail }) => `put ${word(detail['user'])} into ${subject}`,
  'people.remove_member': ({ subject, detail }) => `took ${word(detail['user'])} out of ${subject}`,
  'people.add_token': ({ subject, detail }) =>
    `made the ${word(detail['role'])} token “${word(detail['name'])}” for ${subject}`,
  'people.revoke_token': ({ subject, detail }) => `revoked the token “${word(detail['name'])}” of ${subject}`,
  'governance.start_drill': ({ subject, detail }) =>
    `began the drill “${subject}”: decisions that say “${word(detail['match'])}” are labelled as injected`,
  'governance.end_drill': ({ subject }) => `ended the drill “${subject}”`,
  'project.add': ({ subject }) => `added the project ${subject}`,
  'registry.set_alias': ({ subject, detail }) =>
    `pointed ${subject}@${word(detail['alias'])} at version ${word(detail['version'])}`,
  'registry.protect_alias': ({ subject, detail }) => `protected ${subject}@${word(detail['alias'])}`,
  'registry.unprotect_alias': ({ subject, detail }) =>
    `took the protection of ${subject}@${word(detail['alias'])} away`,
  'registry.create_model': ({ subject }) => `created the model ${subject}`,
  'registry.register_version': ({ subject }) => `registered ${subject}`,
  'registry.delete_model': ({ subject }) => `deleted the model ${subject}`,
  'registry.delete_version': ({ subject }) => `deleted ${subject}`,
  'registry.evaluate': ({ subject }) => `evaluated ${subject}`,
  'registry.promotion_open': ({ subject, detail }) => `proposed ${subject} as ${word(detail['alias'])}`,
  'registry.promotion_approve': (entry) => `approved ${promotion(entry)}`,
  'registry.promotion_declined': (entry) => `declined ${promotion(entry)}`,
  'registry.promotion_refresh': (entry) => `refreshed ${promotion(entry)}`,
  'registry.promotion_merged': (entry) => `merged ${promotion(entry)}`,
  'registry.promotion_forced': (entry) => `forced ${promotion(entry)}`,
  'registry.promotion_withdrawn': (entry) => `withdrew ${promotion(entry)}`,
  'registry.promotion_rolled_back': (entry) => `rolled back ${promotion(entry)}`,
  'registry.delete_alias': ({ subject, detail }) => `removed ${subject}@${word(detail['alias'])}`,
  'tracking.create_experiment': ({ detail }) => `created the experiment ${word(detail['name'])}`,
  'tracking.create_run': ({ detail }) => `started the run ${word(detail['name'])}`,
  'tracking.update_run': ({ subject, detail }) =>
    detail['status'] === undefined
      ? `changed the run ${short(subject)}`
      : `set the run ${short(subject)} to ${word(detail['status']).toLowerCase()}`,
  'tracking.log': ({ subject }) => `logged to the run ${short(subject)}`,
  'data.ingest': ({ subject, detail }) => `made ${subject} v${word(detail['version'])}`,
  'data.reject': ({ subject }) => `refused new data of ${subject}`,
  'data.request_ingest': ({ subject }) => `asked for new data of ${subject}`,
  'project.apply': ({ detail }) => `applied version ${word(detail['number'])} of the project`,
  'pipelines.start_run': ({ detail }) => `started the pipeline ${word(detail['pipeline'])}`,
  'rollout.deploy': ({ subject }) => `deployed ${subject}`,
  'rollout.deploy_forced': ({ subject, detail }) =>
    `deployed ${subject} past its gates: ${word(detail['reason'])}`,
  'rollout.promote': ({ subject }) => `promoted ${subject}`,
  'rollout.take_down': ({ subject }) => `took down ${subject}`,
  'rollout.roll_back': ({ subject }) => `rolled back: ${subject}`,
}

/** One sentence without the actor, who stands before it. */
export function sentenceOf(entry: Entry): string {
  const known = SENTENCES[entry.action]
  if (known) return known(entry)
  const [, verb = entry.action] = entry.action.split('.')
  return `${verb.replaceAll('_', ' ')}: ${entry.subject}`
}

function promotion({ subject, detail }: Entry): string {
  return `the promotion of ${subject} to ${word(detail['alias'])}`
}

/** What tells an id apart in a sentence: its end, for ids of a pipeline's runs begin with the time. */
function short(id: string): string {
  return `…${id.slice(-8)}`
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?'
}
