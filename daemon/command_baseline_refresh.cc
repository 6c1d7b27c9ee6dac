// `driftd baseline refresh` proposes a baseline beside the one in use, `accept` puts it in place.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "config/load.h"
#include "daemon/baseline/baseline_changes.h"
#include "daemon/baseline/baseline_making.h"
#include "daemon/commands.h"
#include "daemon/exit_codes.h"
#include "daemon/shown_text.h"
#include "state/baseline_model.h"

namespace driftd {
namespace {

namespace fs = std::filesystem;

[[nodiscard]] int say(const Error& error) {
  fmt::print(stderr, "driftd: {}\n", error.message);
  return error.code == ErrorCode::invalid_argument ? kExitUsage : exit_code_of(error.code);
}

// The configured model, whose reference is a baseline.
struct Chosen {
  Config config;
  ModelConfig model;
  Baseline present;
  [[nodiscard]] std::string proposed() const { return model.reference + ".proposed"; }
};

[[nodiscard]] Result<Chosen> choose(const BaselineOptions& options) {
  const auto config = load_config(
      options.config,
      {.overrides = options.overrides, .models_only = !options.kafka, .needs_references = true});
  if (!config) {
    std::string text = to_text(config.error());
    while (text.ends_with('\n')) text.pop_back();
    return fail(ErrorCode::invalid_config, std::move(text));
  }
  const Result<const ModelConfig*> model = chosen_model(*config, options.model);
  if (!model) return std::unexpected(model.error());
  if (!is_baseline((*model)->reference)) {
    return fail(ErrorCode::invalid_config,
                fmt::format("the reference of model `{}`, {}, is not a baseline but rows: make one "
                            "with `driftd baseline make` and name it in {}",
                            (*model)->name, (*model)->reference, options.config));
  }
  Result<Baseline> present = read_baseline((*model)->reference);
  if (!present) return std::unexpected(present.error());
  return Chosen{*config, **model, std::move(*present)};
}

[[nodiscard]] std::string accept_words(const BaselineOptions& options) {
  std::string words = "driftd baseline accept --config " + options.config;
  if (!options.model.empty()) words += " --model " + options.model;
  return words;
}

// Both names at once for a moment, so that there is a baseline in place at any time.
[[nodiscard]] Result<> put_in_place(const std::string& proposed, const std::string& present,
                                    const std::string& kept) {
  const auto failed = [](const std::string& what) {
    const int error = errno;
    return fail(ErrorCode::io,
                fmt::format("{}: {}: nothing was changed", what,
                            std::error_code(error, std::generic_category()).message()));
  };
  if (::link(present.c_str(), kept.c_str()) != 0 && errno != EEXIST)
    return failed(fmt::format("{} cannot be kept as {}", present, kept));
  if (std::rename(proposed.c_str(), present.c_str()) != 0)
    return failed(fmt::format("{} cannot be renamed to {}", proposed, present));
  const fs::path folder = fs::path(present).parent_path();
  const int directory =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_durable = directory >= 0 && ::fsync(directory) == 0;
  const int error = errno;
  if (directory >= 0) ::close(directory);
  if (is_durable) return {};
  return fail(ErrorCode::io,
              fmt::format("{} is in place, but may not outlive a power failure: {}", present,
                          std::error_code(error, std::generic_category()).message()));
}

}  // namespace

int command_baseline_refresh(const BaselineOptions& options) {
  const Result<Chosen> chosen = choose(options);
  if (!chosen) return say(chosen.error());
  const std::string proposed = chosen->proposed();
  const auto config =
      load_config(options.config,
                  {.overrides = options.overrides, .models_only = true, .needs_references = true});
  const Result<MadeBaseline> made = make_baseline(chosen->config, chosen->model, options);
  if (!made) return say(made.error());
  if (const auto written = write_baseline_file(proposed, made->note, made->bytes); !written)
    return say(written.error());
  // What was written is what is compared.
  const Result<Baseline> after = read_baseline(proposed);
  if (!after) return say(after.error());
  const BaselineChanges changes = changes_of(chosen->present, *after);
  if (options.json) {
    fmt::print("{}\n", changes_json(changes, chosen->present, *after, proposed));
  } else {
    fmt::print("now       {}  {}, {} rows\nproposed  {}  {}, {} rows\n",
               chosen->present.hash.substr(0, kShortHash), chosen->model.reference,
               grouped(changes.rows_before), after->hash.substr(0, kShortHash), proposed,
               grouped(changes.rows_after));
    if (after->hash == chosen->present.hash) {
      fmt::print("\nThey are the same.\n");
    } else {
      print_changes(changes);
    }
    fmt::print(
        "\nNothing has changed yet: {} stays in use. To look at the proposed one and to take it:\n"
        "  driftd baseline show {}\n  {}\n",
        chosen->model.reference, proposed, accept_words(options));
  }
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return kExitOk;
  fmt::print(stderr, "driftd: the result could not be written completely: is the disk full?\n");
  return kExitIo;
}

int command_baseline_accept(const BaselineOptions& options) {
  const Result<Chosen> chosen = choose(options);
  if (!chosen) return say(chosen.error());
  const std::string proposed = chosen->proposed();
  std::error_code ignored;
  if (!fs::exists(proposed, ignored)) {
    fmt::print(stderr,
               "driftd: there is no {}: `driftd baseline refresh` proposes a baseline first\n",
               proposed);
    return kExitConfig;
  }
  // One that the configuration could not use must not take the place of one that it can.
  ModelConfig with_proposed = chosen->model;
  with_proposed.reference = proposed;
  const Result<LoadedModel> model = load_baseline(with_proposed, ModelIndex{0});
  if (!model) return say(model.error());
  const std::string kept =
      fmt::format("{}.{}.old", chosen->model.reference, chosen->present.hash.substr(0, kShortHash));
  if (const auto done = put_in_place(proposed, chosen->model.reference, kept); !done)
    return say(done.error());
  fmt::print("{} is now baseline {}; the one before is kept as {}\n", chosen->model.reference,
             model->reference->hash.substr(0, kShortHash), kept);
  if (model->reference->hash != chosen->present.hash) {
    fmt::print(
        "A driftd that is running goes on with the old one until it is started again. Its stored\n"
        "state was counted against the old one, so that this start is refused, unless\n"
        "[state] on_change = \"set_aside\" lets it keep a copy of that state and begin the model "
        "anew.\n");
  }
  return kExitOk;
}

}  // namespace driftd
