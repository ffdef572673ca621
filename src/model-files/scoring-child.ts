import { scoreFile } from './score-file.ts'
import { answerParent } from './trial-process.ts'

/** The process in which one graph scores one table. */
answerParent(scoreFile)
