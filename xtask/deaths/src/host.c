// A C program that calls the library; the rest is as in main.rs.

void deaths_run(const char *death, const char *dir);

int main(int count, char **args) {
    deaths_run(count > 1 ? args[1] : "", count > 2 ? args[2] : 0);
    return 0;
}
