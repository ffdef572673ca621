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
  'project.add': ({ subject }) => `added the project ${subject}`,
  'registry.set_alias': ({ subject, detail }) =>
    `pointed ${subject}@${word(detail['alias'])} at version ${word(detail['version'])}`,
  'registry.delete_alias': ({ subject, detail }) => `removed ${subject}@${word(detail['alias'])}`,
  'rollout.deploy': ({ subject }) => `deployed ${subject}`,
  'rollout.deploy_forced': ({ subject, detail }) =>
    `deployed ${subject} past its gates: ${word(detail['reason'])}`,
  'rollout.promote': ({ subject }) => `promoted ${subject}`,
  'rollout.roll_back': ({ subject }) => `rolled back: ${subject}`,
}

/** One sentence without the actor, who stands before it. */
export function sentenceOf(entry: Entry): string {
  const known = SENTENCES[entry.action]
  if (known) return known(entry)
  const [, verb = entry.action] = entry.action.split('.')
  return `${verb.replaceAll('_', ' ')}: ${entry.subject}`
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?'
}
