import BinderBuffer
import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct CompletionTests {
  /// What bash offers for the last of the words.
  private func offered(_ words: String) throws -> Set<String> {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("a.ftrace"), "")
    let run = try BuiltTool.shell(
      """
      source <(bindersim completion bash)
      COMP_WORDS=(\(words)); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _bindersim
      printf '%s\\n' "${COMPREPLY[@]}"
      """, in: scratch.directory, shell: "/bin/bash")
    #expect(run.status == 0 && run.errors == "", "\(run.errors)")
    return Set(run.output.split(separator: "\n").map(String.init))
  }

  @Test(.enabled(if: BuiltTool.installed(["bash"]) != nil, "no bash"))
  func bashOffersWhatFits() throws {
    let commands = Set(Bindersim.commands.commands.map(\.name))
    #expect(try offered("bindersim ''").isSuperset(of: commands))
    #expect(try offered("bindersim rep") == ["replay"])
    #expect(try offered("bindersim run --work") == ["--workload"])
    #expect(try offered("bindersim run -w l") == ["launcher", "leak"])
    let policies = Set(PlacementPolicy.allCases.map(\.name))
    #expect(try offered("bindersim run --policy ''") == policies)
    #expect(try offered("bindersim replay --policy ''") == policies)
    #expect(try offered("bindersim replay --policy c,r") == ["c,rust", "c,rust-6.18.0"])
    #expect(try offered("bindersim run --seed ''") == [])
    #expect(try offered("bindersim replay a.f") == ["a.ftrace"])
    #expect(try offered("bindersim run --json a.f") == ["a.ftrace"])
    #expect(try offered("bindersim completion z") == ["zsh"])
    #expect(try offered("bindersim help jo") == ["job"])
  }

  @Test func bothNameEveryOption() {
    for script in [
      BashCompletion(program: Bindersim.commands).text,
      ZshCompletion(program: Bindersim.commands).text,
    ] {
      for command in Bindersim.commands.commands {
        for option in command.options { #expect(script.contains("--\(option.long)")) }
      }
    }
  }

  @Test(.enabled(if: BuiltTool.installed(["zsh"]) != nil, "no zsh is installed"))
  func zshReadsItsScript() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let run = try BuiltTool.shell(
      "bindersim completion zsh > _bindersim && zsh -n _bindersim", in: scratch.directory)
    #expect(run.status == 0, "\(run.errors)")
  }
}
