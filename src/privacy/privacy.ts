export { detectPersonal } from './detect.ts'
