"""The command line: `zoo COMMAND`; nothing heavy is imported before a command needs it."""

import os
import sys
from collections.abc import Sequence

import zoo

TRAIN = ("fit", "validate", "test")
HELP = """\
usage: zoo COMMAND [ARGUMENTS]       zoo COMMAND --help tells more

 training
  fit -c recipe.yaml [--key value]   train a model and release it
  validate, test                     measure on validation or test data
  run chain.yaml                     stages of a chain: run, skip what is done, resume
  data describe FILE|RECIPE          what is inside a file, what a recipe generates
  data export RECIPE                 write what a recipe generates to a file

 released models (a folder, a shipped name, or owner/name[@revision] on the Hub)
  list [PATTERN]                     what is in the zoo
  show MODEL                         card, channels, units, ranges, lineage, figures
  predict MODEL FILE                 fields or trajectories to predictions, with pictures
  evaluate MODEL FILE                a scorecard on a file of your own
  adapt MODEL FILE                   fine-tune on a file of your own
  curves MODEL                       a model of spins over temperature, beside the reference
  verify [MODEL ...] [--full|--quick]  recompute hashes, probes and figures
  compare MODEL OTHER                facts and figures side by side
  card MODEL                         write the card anew from measured figures

 sharing
  push MODEL owner/name              send a release to the Hub
  pull owner/name                    fetch a release from the Hub
  ship MODEL NAME                    copy a release to checkpoints/NAME
  pack MODEL FOLDER                  everything that is needed without a network
  hub serve                          a Hub on this machine, to try push and pull

 this machine
  cache show|empty                   generated data and pulled releases
  doctor                             what is installed and what works here
"""


def main(argv: Sequence[str] | None = None, tell: bool = True) -> int:
    """Run one command; returns the exit code: 0, 1 for a failure, 2 for a mistake in the command.

    Args:
        argv: command line without the program's name; that of the process if None.
        tell: let a fit end with a line that names its release.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if argv[0] in ("-V", "--version"):
        print(f"zoo {zoo.__version__}")
        return 0
    return _guarded(argv, tell)


def _guarded(argv: list[str], tell: bool) -> int:
    from zoo.reading import Mistake

    try:
        return _dispatch(argv, tell)
    except Mistake as error:
        print(f"zoo {argv[0]}: {error}", file=sys.stderr)
        return 2
    except SystemExit as error:
        # argparse and Lightning leave this way, Lightning also when it is interrupted
        if isinstance(error.__context__, KeyboardInterrupt):
            return _interrupted(argv[0])
        return error.code if isinstance(error.code, int) else 1
    except KeyboardInterrupt:
        return _interrupted(argv[0])
    except BrokenPipeError:
        # the reader of our output has left, as `zoo list | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from zoo.failures import told

        text = None if os.environ.get("ZOO_TRACEBACK") else told(error)
        if text is None:
            raise
        print(f"zoo {argv[0]}: {text}", file=sys.stderr)
        return 1


def _interrupted(command: str) -> int:
    how = "the same command goes on" if command == "run" else "--ckpt_path .../last.ckpt goes on"
    print(f"zoo {command}: interrupted; {how} from the last checkpoint", file=sys.stderr)
    return 130


def _dispatch(argv: list[str], tell: bool) -> int:
    command, rest = argv[0], argv[1:]
    if command in TRAIN:
        from zoo.training import train

        return train(command, rest, tell)
    from zoo import commands

    return commands.run(command, rest)


if __name__ == "__main__":
    sys.exit(main())
