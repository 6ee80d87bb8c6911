// Where the Kitsu examples log in: KITSU_HOST, KITSU_EMAIL and KITSU_PASSWORD.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

struct account {
  std::string host, email, password;
};

inline account account_from_environment() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    if (!value || !*value) {
      std::fprintf(stderr, "set KITSU_HOST (https://kitsu.example.com/api), KITSU_EMAIL and KITSU_PASSWORD\n");
      std::exit(2);
    }
    return std::string(value);
  };
  return {variable("KITSU_HOST"), variable("KITSU_EMAIL"), variable("KITSU_PASSWORD")};
}
