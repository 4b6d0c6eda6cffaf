internal import Glibc

/// Runs checks of this program in processes of their own, so that one that ends in a signal can be
/// minimized too.
enum MinimizedRerun {
  /// Whether a check with these arguments fails, in whatever way.
  static func fails(_ arguments: [String]) -> Bool {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words = unsafe (["bindersim"] + arguments).map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe words.indices { unsafe free(words[index]) } }
    var pid: pid_t = 0
    let status = unsafe posix_spawn(&pid, "/proc/self/exe", &actions, nil, &words, environ)
    guard status == 0 else { return false }
    var result: CInt = 0
    while unsafe waitpid(pid, &result, 0) < 0, errno == EINTR {
      if Interrupt.wasRequested { kill(pid, SIGKILL) }
    }
    return result != 0
  }
}

/// Finds a small set of steps with which a seed still fails.
struct MinimizeCampaign {
  let options: CheckOptions
  let write: (String) throws(CommandError) -> Void

  func run() throws(CommandError) -> ExitStatus {
    var progress = Progress()
    for seed in options.seeds {
      if Interrupt.wasRequested { break }
      progress.show { "looking for a seed that fails: \(seed)" }
      guard MinimizedRerun.fails(options.arguments(seed: seed)), !Interrupt.wasRequested else {
        continue
      }
      var tries = 0
      var minimizer = Minimizer(fails: { steps in
        tries += 1
        progress.show { "seed \(seed): \(steps.count) steps, \(tries) runs" }
        return MinimizedRerun.fails(options.arguments(seed: seed, only: steps))
      })
      let all = options.only ?? StepSet([0...max(0, options.steps - 1)])
      let steps = minimizer.minimize(all)
      progress.clear()
      var small = options
      small.only = steps
      small.seeds = seed...seed
      try write("seed \(seed): \(steps.count) of \(all.count) steps are enough\n")
      guard !Interrupt.wasRequested else {
        try write("rerun: \(small.command(seed: seed))\n")
        return .failure
      }
      return try CheckCampaign(options: small, write: write).run()
    }
    progress.clear()
    guard !Interrupt.wasRequested else { return .success }
    try write("no seed fails: nothing to minimize\n")
    return .success
  }
}
