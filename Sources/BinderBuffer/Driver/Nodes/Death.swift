extension Driver {
  /// A death notice that one process asked for with one handle.
  struct Death: BitwiseCopyable {
    let cookie: UInt64
    let process: ProcessIndex
    var stage = Stage.requested
    /// On a list: to be read, or read and not confirmed.
    var work = WorkIndex.none

    enum Stage: BitwiseCopyable {
      case requested
      /// The node died.
      case dead
      /// It died, and the notice was cleared before it was confirmed.
      case deadAndCleared
      /// `BR_CLEAR_DEATH_NOTIFICATION_DONE` is to be read.
      case cleared
    }
  }

  /// `BC_REQUEST_DEATH_NOTIFICATION`; ignored when the handle has one, or does not exist.
  mutating func requestDeath(_ process: ProcessIndex, handle: UInt32, cookie: UInt64) {
    guard let reference = reference(process, handle), references[reference].death.isNone else {
      return
    }
    guard processes[process].notices < options.limits.notices else { return }
    processes[process].notices += 1
    let death = deaths.insert(Death(cookie: cookie, process: process))
    references[reference].death = death
    if nodes[references[reference].node].owner.isNone {
      deaths[death].stage = .dead
      give(.death(death), to: process)
    }
  }

  /// `BC_CLEAR_DEATH_NOTIFICATION`; ignored for another cookie.
  mutating func clearDeath(
    _ process: ProcessIndex, handle: UInt32, cookie: UInt64, by thread: ThreadIndex
  ) {
    guard let reference = reference(process, handle) else { return }
    let death = references[reference].death
    guard !death.isNone, deaths[death].cookie == cookie else { return }
    references[reference].death = .none
    if deaths[death].work.isNone {
      deaths[death].stage = .cleared
      giveToLooper(.death(death), thread)
    } else {
      deaths[death].stage = .deadAndCleared
    }
  }

  /// `BC_DEAD_BINDER_DONE`; ignored when no notice of that cookie was read.
  mutating func confirmDeath(_ process: ProcessIndex, cookie: UInt64, by thread: ThreadIndex) {
    var work = processes[process].readDeaths.first
    while !work.isNone {
      if case .death(let death) = works[work].kind, deaths[death].cookie == cookie {
        remove(work)
        guard deaths[death].stage == .deadAndCleared else {
          dropConfirmed(death)
          return
        }
        deaths[death].stage = .cleared
        giveToLooper(.death(death), thread)
        return
      }
      work = works[work].next
    }
  }

  /// A confirmed notice stays with its reference until it is cleared.
  private mutating func dropConfirmed(_ death: DeathIndex) {
    // Nothing to do: the reference owns it.
    precondition(deaths[death].stage == .dead)
  }

  /// What a looper caused comes back to it, else to its process.
  mutating func giveToLooper(_ kind: Work.Kind, _ thread: ThreadIndex) {
    if threads[thread].looper.isLooper {
      give(kind, to: thread)
    } else {
      give(kind, to: threads[thread].process)
    }
  }

  /// A notice goes with its reference.
  mutating func endDeath(_ death: DeathIndex) {
    guard !death.isNone else { return }
    if !deaths[death].work.isNone { remove(deaths[death].work) }
    processes[deaths[death].process].notices -= 1
    deaths.remove(death)
  }

  /// Tells all who asked that a node has died.
  mutating func notifyDeath(of node: NodeIndex) {
    var reference = nodes[node].firstReference
    while !reference.isNone {
      let death = references[reference].death
      if !death.isNone, deaths[death].work.isNone {
        deaths[death].stage = .dead
        give(.death(death), to: references[reference].process)
      }
      reference = references[reference].next
    }
  }
}
